//! A person deletes a running environment and makes another one of the same name: nothing of the old one is taken over.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;

use super::Scenario;
use crate::stage::{NAME, Stage};

/// A person deletes a running environment and makes another one of the same name.
pub struct EnvironmentReplaced;

impl Scenario for EnvironmentReplaced {
    fn name(&self) -> &'static str {
        "env-replaced"
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
            stage.delete::<DevEnvironment>().await?;
            let gone = || async { Ok(stage.environment().await?.is_none()) };
            stage.until("the first environment is gone", gone).await?;
            stage.create::<DevEnvironment>(NAME, json!({"services": ["eta"], "ttl": "8h"})).await
        }
        .boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move { stage.is_environment_ready().await }.boxed()
    }
}
