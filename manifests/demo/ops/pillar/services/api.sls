processes:
  app:
    command: python3 server.py
    check: http://127.0.0.1/services/ping
