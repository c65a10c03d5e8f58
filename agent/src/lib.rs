//! What the agent tells the operator: the words both share. The agent itself is the program beside this library.

pub mod report;

pub use report::{Report, ReportFile};
