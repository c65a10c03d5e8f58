//! What the agent and the operator share, and what the agent is made of. The program is beside this library.
//!
//! Without features it is only words. With `layer` it writes layers, with `program` it is the whole agent.

#[cfg(feature = "layer")]
pub mod layer;
pub mod report;
#[cfg(feature = "program")]
pub mod tree;

pub use report::{Report, ReportFile};
