// The keeper of the local cluster: the few processes that must not be the Rust program itself.
module slipway.dev/tests/cluster/keeper

go 1.26.0
