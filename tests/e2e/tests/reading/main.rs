//! How Slipway's objects read, by people and by programs: each kind in each of its states, as `plan` reports it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing story may say so loudly")]

#[path = "../../../../plan/tests/support/mod.rs"]
mod support;

mod builds;
mod documents;
mod environments;
mod explained;
mod kstatus;
mod printed;
mod states;
mod syncs;
