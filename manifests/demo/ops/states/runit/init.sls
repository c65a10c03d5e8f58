# What no state puts there any more does not run any more.
/etc/service:
  file.directory:
    - clean: true
    # Of runit, where it runs already: `slipway start --live-ops`.
    - exclude_pat: '*/supervise*'
