metrics:
  port: 9125
  statsd: 8125
  prefix: fleet
