//! An environment runs a service that names no image: the image is built, tested, named and run, once.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use kube::api::ListParams;
use serde_json::json;
use slipway_crds::v1alpha1::{BuildOutcome, DevEnvironment, Fleet, ServiceBuild, ServiceRepo};

use super::Scenario;
use crate::stage::{NAME, Stage, fleet_spec};

/// The service without an image.
const SERVICE: &str = "fat";

/// An environment runs a service that names no image: the image is built, tested, named and run, once.
pub struct BuildMade;

impl Scenario for BuildMade {
    fn name(&self) -> &'static str {
        "build-made"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        fleet_of_built(stage).boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move { stage.create::<DevEnvironment>(NAME, json!({"services": [SERVICE]})).await }.boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move {
            let builds = stage.api::<ServiceBuild>().list(&ListParams::default()).await?;
            let [build] = builds.items.as_slice() else { return Ok(false) };
            let outcome = build.status.as_ref().and_then(|status| status.outcome);
            Ok(outcome == Some(BuildOutcome::Succeeded) && stage.is_environment_ready().await?)
        }
        .boxed()
    }
}

/// A Fleet with a service whose image is built; returns when both repositories were read.
pub(super) async fn fleet_of_built(stage: &Stage<'_>) -> Result<()> {
    // Each run has images of its own, and all the same base: what they build has the same identity.
    let registry = stage.world.registry.address();
    let mut fleet = fleet_spec(&format!("{registry}/{}", stage.fleet));
    fleet["base"] = json!(format!("{registry}/base:1"));
    fleet["ops"] = json!({"url": stage.world.git.url("ops"), "interval": "1h"});
    stage.create::<Fleet>("fleet", fleet).await?;
    let spec = json!({"url": stage.world.git.url(SERVICE), "interval": "1h"});
    stage.create::<ServiceRepo>(SERVICE, spec).await?;
    stage.until("both repositories are read", || are_read(stage)).await
}

async fn are_read(stage: &Stage<'_>) -> Result<bool> {
    let repo = stage.api::<ServiceRepo>().get(SERVICE).await?;
    let fleet = stage.api::<Fleet>().get("fleet").await?;
    Ok(repo.status.is_some_and(|status| status.trunk_commit.is_some())
        && fleet.status.is_some_and(|status| status.ops_commit.is_some()))
}
