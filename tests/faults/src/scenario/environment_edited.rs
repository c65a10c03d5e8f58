//! A person changes a running environment: one service more, another variable.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;

use super::Scenario;
use crate::stage::{NAME, Stage};

/// A person changes a running environment: one service more, another variable.
pub struct EnvironmentEdited;

impl Scenario for EnvironmentEdited {
    fn name(&self) -> &'static str {
        "env-edited"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            stage.fleet().await?;
            stage.create::<DevEnvironment>(NAME, json!({"services": ["www"], "ttl": "8h"})).await?;
            stage.until("the environment is ready", || stage.is_environment_ready()).await
        }
        .boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            stage
                .patch::<DevEnvironment>(json!({"spec": {"services": ["api", "eta"], "env": {"B": "2"}}}))
                .await
        }
        .boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move { stage.is_environment_ready().await }.boxed()
    }
}
