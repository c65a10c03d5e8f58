//! A person deletes a running environment: everything of it goes.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;

use super::Scenario;
use crate::stage::{NAME, Stage};

/// A person deletes a running environment: everything of it goes.
pub struct EnvironmentDeleted;

impl Scenario for EnvironmentDeleted {
    fn name(&self) -> &'static str {
        "env-deleted"
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
        async move { stage.delete::<DevEnvironment>().await }.boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move { Ok(stage.environment().await?.is_none() && stage.is_namespace_gone().await?) }.boxed()
    }
}
