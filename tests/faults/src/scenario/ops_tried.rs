//! The trunk of the ops repository moves: the service that is built is built with it, and then it is the default.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use slipway_crds::v1alpha1::{BuildOutcome, Fleet, ServiceBuild};

use super::Scenario;
use super::build_made::fleet_of_built;
use crate::stage::Stage;
use crate::world::NEXT;

/// The trunk of the ops repository moves: the service that is built is built with it, and then it is the default.
pub struct OpsTried;

impl Scenario for OpsTried {
    fn name(&self) -> &'static str {
        "ops-tried"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        fleet_of_built(stage).boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            let patch = Patch::Merge(json!({"spec": {"ops": {"trunk": NEXT}}}));
            stage.api::<Fleet>().patch("fleet", &PatchParams::default(), &patch).await?;
            Ok(())
        }
        .boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move {
            let status = stage.api::<Fleet>().get("fleet").await?.status.unwrap_or_default();
            let builds = stage.api::<ServiceBuild>().list(&ListParams::default()).await?;
            let [build] = builds.items.as_slice() else { return Ok(false) };
            let ended = build.status.clone().unwrap_or_default();
            let tried = ended.inputs.map(|inputs| inputs.ops_commit);
            Ok(ended.outcome == Some(BuildOutcome::Succeeded)
                && tried.is_some()
                && tried == status.ops_commit)
        }
        .boxed()
    }
}
