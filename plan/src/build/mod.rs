//! A build: the image of one service at one commit, at most once for the same inputs.
//!
//! ```text
//! Waiting ─inputs known─► Queued ─its turn─► Starting ─Job seen─► Building ─layer in the registry─► Testing ─passed─► Naming ─► Finished
//!    │                      │                    │                    │                               │                 │
//!    ├── the image exists ──┴────────────────────┴────────────────────┼── provisioning fails ─────────┴── fails ────────┤
//!    └── no longer needed ────────────────────────────────────────────┴── Job lost, timeout ────────────────────────────┘
//! ```
//!
//! [`inputs`] says what an image is made of, [`assets`] what its assets are built from, [`parent`] from which image a build starts, [`queue`] whose turn it is,
//! [`next`](mod@next) how it goes on, [`why`] which input changed, [`retention`] what may go,
//! [`stale`] when an image is too old to start from.

pub mod assets;
mod facts;
pub mod inputs;
mod next;
pub mod parent;
pub mod queue;
pub mod retention;
pub mod retry;
pub mod say;
pub mod seen;
pub mod stale;
pub mod stored;
pub mod why;

pub use facts::{BuildFacts, Limits, Pushed, Report, Unit, UnitTests};
pub use next::{Act, Next, next};

#[cfg(test)]
mod tests;
