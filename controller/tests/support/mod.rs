//! A git server over HTTP, for tests: `git http-backend` behind a small CGI bridge.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod git_server;
pub mod repository;
pub mod tamper;
