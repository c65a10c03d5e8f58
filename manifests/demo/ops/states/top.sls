# Which states make which service: the role is the service's name.
base:
  '*':
    - processes
    - metrics
  'role:www':
    - match: grain
    - nginx
