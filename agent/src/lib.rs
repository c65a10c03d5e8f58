//! What the agent and the operator share, and what the agent is made of. The program is beside this library.
//!
//! Without features it is only words. With `layer` it writes layers, with `live` it is both ends of
//! `slipway sync`, with `program` it is the whole agent.

pub mod asset;
pub mod identity;
#[cfg(feature = "layer")]
pub mod layer;
#[cfg(feature = "live")]
pub mod live;
pub mod order;
#[cfg(feature = "layer")]
pub mod plain_file;
pub mod record;
pub mod report;

#[cfg(feature = "program")]
pub mod assets;
#[cfg(feature = "program")]
pub mod converge;
#[cfg(feature = "program")]
pub mod delta;
#[cfg(feature = "program")]
mod descendants;
#[cfg(feature = "program")]
pub mod log;
#[cfg(feature = "program")]
pub mod operator;
#[cfg(feature = "program")]
pub mod provision;
#[cfg(feature = "program")]
pub mod service;
#[cfg(feature = "program")]
pub mod signals;
#[cfg(feature = "program")]
pub mod sources;
#[cfg(feature = "program")]
pub mod started;
#[cfg(feature = "program")]
pub mod tree;

pub use asset::Asset;
pub use identity::Identity;
pub use order::{BuildOrder, InitOrder, KeepOrder, PushOrder, ReportTo};
pub use record::{
    AssetRecord, BuildEnded, BuildProgress, BuildRecord, BuildReport, Fault, LayerRecord, ProvisionRecord,
    PushOutcome, PushedImage, StartRecord, StateRecord, StepRecord,
};
pub use report::{Report, ReportFile};
