# What no state puts there any more does not run any more.
/etc/service:
  file.directory:
    - clean: true
