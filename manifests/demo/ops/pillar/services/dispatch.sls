processes:
  web:
    command: perl -Ilib web.pl
    check: http://127.0.0.1/services/ping
  worker:
    command: perl -Ilib worker.pl
