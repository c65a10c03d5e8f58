//! `GitSync` against a real API server and real git over HTTP: the operator runs in this process, on a runtime of its own
//! for each story.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing story may say so loudly")]

mod accounts;
mod applying;
mod drift;
mod ending;
mod foreseen;
mod mistakes;
mod operator;
mod opt_out;
mod pruning;
mod pushed;
mod repository;
mod signed;
mod ssh;
mod story;
