# The service's own processes, as its pillar lists them.
{%- from 'runit/process.jinja' import process %}

include:
  - runit

{% for name, it in pillar['processes'] | dictsort %}
{{ process(name, it['command'], it.get('check', ''), grains['service_folder'], it.get('environment', {})) }}
{% endfor %}
