//! A git server over HTTP, for tests: `git http-backend` behind a small CGI bridge.

pub mod git_server;
pub mod repository;
