//! The operator killed and lied to, against a real API server: a rotating eighth of the suite, and what has a limit in time.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

mod leaders;
mod share;
mod shared;
mod watches;
