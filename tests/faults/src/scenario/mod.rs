//! Scenarios: what a person does, and how it must end whatever happens meanwhile. One file each; a new one is listed in
//! [`all`] and needs nothing else.

mod build_made;
mod environment_created;
mod environment_deleted;
mod environment_edited;
mod environment_expired;
mod environment_replaced;
mod gitsync_applied;
mod gitsync_deleted;
mod gitsync_pruned;
mod integration_run;
mod namespace_deleted;
mod ops_tried;

use anyhow::Result;
use futures::future::BoxFuture;

use crate::stage::Stage;

/// What a person does, and how it must end.
pub trait Scenario: Send + Sync {
    /// What it is called; also the begin of its fleet namespaces' names.
    fn name(&self) -> &'static str;
    /// What is there before; nothing goes wrong meanwhile.
    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>>;
    /// What the person does. From here on things go wrong.
    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>>;
    /// Whether it has come to its end.
    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>>;
}

/// All scenarios.
pub fn all() -> Vec<Box<dyn Scenario>> {
    vec![
        Box::new(environment_created::EnvironmentCreated),
        Box::new(environment_edited::EnvironmentEdited),
        Box::new(environment_expired::EnvironmentExpired),
        Box::new(environment_deleted::EnvironmentDeleted),
        Box::new(environment_replaced::EnvironmentReplaced),
        Box::new(namespace_deleted::NamespaceDeleted),
        Box::new(gitsync_applied::GitSyncApplied),
        Box::new(gitsync_pruned::GitSyncPruned),
        Box::new(gitsync_deleted::GitSyncDeleted),
        Box::new(integration_run::IntegrationRun),
        Box::new(build_made::BuildMade),
        Box::new(ops_tried::OpsTried),
    ]
}

/// The scenario of this name.
pub fn named(name: &str) -> Option<Box<dyn Scenario>> {
    all().into_iter().find(|scenario| scenario.name() == name)
}
