//! A commit removes one object, changes another and adds a third.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use slipway_crds::v1alpha1::GitSync;
use slipway_demo::{Change, TRUNK};

use super::Scenario;
use crate::fleet_files;
use crate::stage::{NAME, Stage};

/// A commit removes one object, changes another and adds a third.
pub struct GitSyncPruned;

impl Scenario for GitSyncPruned {
    fn name(&self) -> &'static str {
        "sync-pruned"
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
        async move {
            let changes = [
                Change::remove("one.yaml"),
                fleet_files::service(stage, "two", "2h"),
                fleet_files::service(stage, "four", "1h"),
            ];
            stage.commit(&changes).map(drop)
        }
        .boxed()
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
