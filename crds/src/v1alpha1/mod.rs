//! Version `v1alpha1` of every kind.

mod builds;
mod dev_environment;
mod fleet;
mod git_sync;
mod integration;
mod ops_trial;
mod service_build;
mod service_repo;
mod shared;

pub use builds::{Builds, OpsRepository, Provisioner, Salt};
pub use dev_environment::{
    DevEnvironment, DevEnvironmentSpec, DevEnvironmentStatus, EndReason, Ended, LockedService,
    NamespaceRecord, ServiceStart, StoreStatus, Update,
};
pub use fleet::{AddressRange, Fleet, FleetSpec, FleetStatus, Machine, Profile, Store, Volume};
pub use git_sync::{
    AllowedKind, AppliedRevision, GitSync, GitSyncSpec, GitSyncStatus, InventoryEntry, OptOut, Reference,
    SignatureProvider, Verification,
};
pub use integration::{
    IntegrationSpec, IntegrationStatus, IntegrationStep, Outcome, StepTime, TestFailure, TestTotals,
};
pub use ops_trial::{OpsCandidate, OpsTrial, TrialPhase};
pub use service_build::{
    BuildInputs, BuildOutcome, BuildParent, BuildStage, BuildStep, BuildTime, BuiltAsset, ProvisionState,
    Provisioned, ServiceBuild, ServiceBuildSpec, ServiceBuildStatus, UnitRun, UnitStatus,
};
pub use service_repo::{ServiceRepo, ServiceRepoSpec, ServiceRepoStatus};
pub use shared::{BlockedBy, Credentials, Suspension, Webhook};
