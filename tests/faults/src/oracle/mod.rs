//! Judges how a run ended.

pub mod counts;
pub mod invariants;
pub mod lease;
pub mod state;
