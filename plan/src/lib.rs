//! Decides what the world should be, and does nothing: no client, no clock, no files, no async.
//!
//! ```text
//! manifest bytes ─► manifest ─┐
//! spec, references, digests ──┴► environment::resolve ─► desired ─► diff ◄─ observed
//!                                                                   │
//!                                                                 Plan   (`slipway plan` stops here)
//! ```

pub mod addresses;
pub mod build;
pub mod commit;
pub mod desired;
pub mod diff;
pub mod duration;
pub mod environment;
pub mod event;
pub mod fleet;
pub mod gitsync;
pub mod graph;
pub mod integration;
pub mod lease;
pub mod manifest;
pub mod object;
pub mod ops;
pub mod preview;
pub mod pull_secret;
pub mod service_name;
pub mod service_repo;
pub mod yaml;
