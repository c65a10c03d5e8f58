processes:
  app:
    command: node app.js
    check: http://127.0.0.1:8080/services/ping
    environment:
      APP_PORT: 8080
nginx:
  app: http://127.0.0.1:8080
  proxied:
    /api/: http://api/
  waits_for: [api]
