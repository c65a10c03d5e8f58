processes:
  app:
    command: lua5.4 server.lua
    check: http://127.0.0.1/services/ping
