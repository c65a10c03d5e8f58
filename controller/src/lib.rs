//! The operator: gathers, applies, reports. What it decides is in `slipway_plan`.

pub mod accounts;
pub mod apply;
pub mod blocks;
pub mod builds;
pub mod cache;
pub mod context;
pub mod error;
pub mod finalizers;
pub mod git;
pub mod holder;
pub mod hooks;
pub mod lease;
pub mod looked;
pub mod memory;
pub mod metrics;
pub mod plans;
pub mod pull_secrets;
pub mod pushed;
pub mod reconcile;
pub mod registry;
pub mod report;
pub mod repositories;
pub mod run;
pub mod runs;
pub mod server;
pub mod settings;
pub mod signature;
pub mod sources;
pub mod starts;
pub mod tell;
pub mod turns;

use kube::discovery::ApiResource;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, GitSync, ServiceBuild, ServiceRepo};

/// Slipway's own kinds, in the order in which they depend on each other.
pub fn own_kinds() -> [ApiResource; 5] {
    [
        ApiResource::erase::<Fleet>(&()),
        ApiResource::erase::<ServiceRepo>(&()),
        ApiResource::erase::<DevEnvironment>(&()),
        ApiResource::erase::<GitSync>(&()),
        ApiResource::erase::<ServiceBuild>(&()),
    ]
}
