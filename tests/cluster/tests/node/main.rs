//! The local cluster on this machine, for real: it needs root, and builds what the cache lacks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test may say so loudly"
)]

mod inside;
mod lifetime;
mod network;
mod parts;
mod pods;
mod traces;
mod volumes;
mod workload;
