//! Tests of one service at one commit run once; the result stays, the namespace goes.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use slipway_crds::v1alpha1::{DevEnvironment, Outcome};

use super::Scenario;
use crate::stage::{NAME, Stage};

/// Tests of one service at one commit run once; the result stays, the namespace goes.
pub struct IntegrationRun;

impl Scenario for IntegrationRun {
    fn name(&self) -> &'static str {
        "integration-run"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move { stage.fleet().await }.boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            let integration = json!({"service": "www", "commit": stage.trunk("www")?});
            stage.create::<DevEnvironment>(NAME, json!({"integration": integration})).await
        }
        .boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move {
            let run = stage.environment().await?.and_then(|found| found.status?.integration);
            let passed = run.is_some_and(|run| run.outcome == Some(Outcome::Passed));
            Ok(passed && stage.is_namespace_gone().await?)
        }
        .boxed()
    }
}
