//! A person deletes a `GitSync`: what it made goes first.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use slipway_crds::v1alpha1::GitSync;
use slipway_demo::TRUNK;

use super::Scenario;
use crate::fleet_files;
use crate::stage::{NAME, Stage};

/// A person deletes a `GitSync`: what it made goes first.
pub struct GitSyncDeleted;

impl Scenario for GitSyncDeleted {
    fn name(&self) -> &'static str {
        "sync-deleted"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            let services = ["eta", "one", "two", "three"].map(|name| fleet_files::service(stage, name, "1h"));
            stage.commit(&[&services[..], &[fleet_files::fleet(stage)]].concat())?;
            stage.create::<GitSync>(NAME, fleet_files::sync(stage)).await?;
            stage
                .until("the fleet is applied", || async {
                    match stage.repository.head(TRUNK)? {
                        Some(head) => stage.has_applied(&head).await,
                        None => Ok(false),
                    }
                })
                .await
        }
        .boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move { stage.delete::<GitSync>().await }.boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move { Ok(stage.api::<GitSync>().get_opt(NAME).await?.is_none()) }.boxed()
    }
}
