//! A person points a `GitSync` at a repository with a fleet.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use slipway_crds::v1alpha1::GitSync;
use slipway_demo::TRUNK;

use super::Scenario;
use crate::fleet_files;
use crate::stage::{NAME, Stage};

/// A person points a `GitSync` at a repository with a fleet.
pub struct GitSyncApplied;

impl Scenario for GitSyncApplied {
    fn name(&self) -> &'static str {
        "sync-applied"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            let services = ["eta", "one", "two", "three"].map(|name| fleet_files::service(stage, name, "1h"));
            stage.commit(&[&services[..], &[fleet_files::fleet(stage)]].concat())?;
            Ok(())
        }
        .boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move { stage.create::<GitSync>(NAME, fleet_files::sync(stage)).await }.boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move {
            match stage.repository.head(TRUNK)? {
                Some(head) => stage.has_applied(&head).await,
                None => Ok(false),
            }
        }
        .boxed()
    }
}
