//! A person makes an environment of two services, one with a stateful pod.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;

use super::Scenario;
use crate::stage::{NAME, Stage};

/// A person makes an environment of two services, one with a stateful pod.
pub struct EnvironmentCreated;

impl Scenario for EnvironmentCreated {
    fn name(&self) -> &'static str {
        "env-created"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move { stage.fleet().await }.boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move { stage.create::<DevEnvironment>(NAME, json!({"services": ["www"], "env": {"A": "1"}})).await }.boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move { stage.is_environment_ready().await }.boxed()
    }
}
