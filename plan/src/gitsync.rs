//! `GitSync`: what follows from the files of a revision.
//!
//! ```text
//! poll ─► source ─► files ─► decide (plan, prune guard) ─► report (status, inventory)
//!                              ▲
//!                           observed                        ending: when the `GitSync` itself is deleted
//! ```

pub mod decide;
pub mod ending;
pub mod events;
pub mod files;
mod inventory;
mod kind;
pub mod poll;
pub mod preview;
pub mod report;
pub mod source;
pub mod version;

pub use kind::rank;

#[cfg(test)]
mod tests;
