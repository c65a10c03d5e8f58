# The container of new-service. runit keeps up what has a `run` below /etc/service; `check` is asked at the container's start.
/etc/service/new-service/run:
  file.managed:
    - mode: '0755'
    - makedirs: true
    - contents: |
        #!/bin/sh
        exec 2>&1
        cd {{ grains['service_folder'] }} || exit 1
        exec python3 server.py

# Debian's runit brings this one along, and it does not run in a container.
/etc/service/default-syslog:
  file.absent

/etc/service/new-service/check:
  file.managed:
    - mode: '0755'
    - contents: |
        #!/bin/sh
        exec python3 -c 'import urllib.request as r; r.urlopen("http://127.0.0.1/services/ping", timeout=2)'
    - require:
      - file: /etc/service/new-service/run
