//! Who may do what: the chart's rights and policies on a real API server, the operator as a process that has exactly those
//! rights, and people who have fewer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing story may say so loudly")]

mod canary;
mod ground;
mod operator;
mod people;
