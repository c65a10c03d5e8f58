# A daemon beside the service: what runs here, and what was counted.
{%- from 'runit/process.jinja' import process %}
{%- set it = pillar['metrics'] %}

include:
  - runit

/usr/local/bin/metrics:
  file.managed:
    - source: salt://metrics/metrics.py
    - mode: '0755'
    - require_in:
      - file: /etc/service/metrics/run

{{ process('metrics', '/usr/local/bin/metrics', 'http://127.0.0.1:%d/metrics' % it['port'],
           environment={'METRICS_PORT': it['port'], 'METRICS_PREFIX': it['prefix'], 'STATSD_PORT': it['statsd']}) }}
