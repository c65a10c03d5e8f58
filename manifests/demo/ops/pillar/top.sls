base:
  '*':
    - fleet
  'role:www':
    - match: grain
    - services.www
  'role:api':
    - match: grain
    - services.api
  'role:ats':
    - match: grain
    - services.ats
  'role:dispatch':
    - match: grain
    - services.dispatch
