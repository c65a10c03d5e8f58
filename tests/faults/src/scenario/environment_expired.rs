//! An environment's time is up: its namespace goes, its object stays.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;

use super::Scenario;
use crate::stage::{NAME, Stage};

/// An environment's time is up: its namespace goes, its object stays.
pub struct EnvironmentExpired;

impl Scenario for EnvironmentExpired {
    fn name(&self) -> &'static str {
        "env-expired"
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
        async move { stage.patch::<DevEnvironment>(json!({"spec": {"ttl": "1s"}})).await }.boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move {
            let ended = stage.environment().await?.and_then(|found| found.status?.ended);
            Ok(ended.is_some() && stage.is_namespace_gone().await?)
        }
        .boxed()
    }
}
