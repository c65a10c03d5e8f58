//! Leader election: of several operators one writes. What a step is, `slipway_plan::lease` decides.
//!
//! ```text
//! election ── renews the Lease ──► tenure ──► client: no write without it, none that may outlive it
//!                                     ├─────► reconcilers: a standby waits
//!                                     └─────► server: a standby passes requests on to the leader
//! ```

pub mod client;
mod election;
pub mod forward;
mod record;
mod tenure;

pub use election::{Candidate, Lost};
pub use tenure::Tenure;
