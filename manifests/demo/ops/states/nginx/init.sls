# The front of a service: files, and what is answered by others.
{%- from 'runit/process.jinja' import process %}

include:
  - runit

/etc/nginx/nginx.conf:
  file.managed:
    - source: salt://nginx/nginx.conf
    - template: jinja
    - require_in:
      - file: /etc/service/nginx/run

{{ process('nginx', 'nginx', 'http://127.0.0.1/services/ping', waits_for=pillar['nginx']['waits_for']) }}
