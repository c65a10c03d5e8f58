//! An integration run: it happens at most once per generation of a `DevEnvironment`.
//!
//! ```text
//! Preparing ──all ready──► Starting ──Job seen──► Running ──result delivered──► Finished: Passed, Failed
//!     │                        │                     │
//!     └── never ready ─────────┴── environment ends ─┴── Job lost ───────────► Finished: Error
//! ```
//!
//! [`next()`] decides, from [`RunFacts`]. `Starting` is recorded before the Job is made, and only there a Job may be
//! made; its name is the generation's, so that making it twice makes one. From `Running` on nothing starts it again.

mod facts;
pub mod job;
mod next;
pub mod result;
pub mod store;

pub use facts::{DELIVERY_GRACE, JobEnd, JobFacts, Limits, NotReady, RunFacts};
pub use next::{Next, is_finished, next, with_log};
pub use result::Delivery;

#[cfg(test)]
mod tests;
