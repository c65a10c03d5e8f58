//! `GitSync`: what follows from the files of a revision.
//!
//! ```text
//! poll ─► source ─► files ─► decide (plan, prune guard) ─► report (status, inventory)
//!                              ▲
//!                           observed                        ending: when the `GitSync` itself is deleted
//! ```

pub mod account;
pub mod decide;
pub mod ending;
pub mod events;
pub mod files;
pub mod history;
mod inventory;
mod kind;
mod kind_name;
pub mod kinds;
mod opt_out;
pub mod poll;
pub mod preview;
pub mod report;
pub mod settled;
pub mod source;
pub mod version;

pub use kind::rank;
pub use kind_name::KindName;

#[cfg(test)]
mod tests;
