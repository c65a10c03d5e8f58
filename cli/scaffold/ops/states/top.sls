# Which states make which service: the role is the service's name.
base:
  'role:new-service':
    - match: grain
    - new-service
