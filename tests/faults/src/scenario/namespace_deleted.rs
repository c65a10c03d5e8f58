//! Somebody deletes the namespace of a running environment by hand: it comes back, with everything in it.

use anyhow::Result;
use futures::future::{BoxFuture, FutureExt as _};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;

use super::Scenario;
use crate::stage::{NAME, Stage};

/// Somebody deletes the namespace of a running environment by hand.
pub struct NamespaceDeleted;

impl Scenario for NamespaceDeleted {
    fn name(&self) -> &'static str {
        "namespace-deleted"
    }

    fn set_up<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            stage.fleet().await?;
            stage.create::<DevEnvironment>(NAME, json!({"services": ["eta"], "ttl": "8h"})).await?;
            stage.until("the environment is ready", || stage.is_environment_ready()).await
        }
        .boxed()
    }

    fn act<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<()>> {
        async move {
            let namespaces: Api<Namespace> = Api::all(stage.client.clone());
            let found = namespaces.get(&stage.environment).await?;
            namespaces.delete(&stage.environment, &DeleteParams::default()).await?;
            let gone = || async {
                let now = namespaces.get_opt(&stage.environment).await?;
                Ok(now.is_none_or(|now| now.metadata.uid != found.metadata.uid))
            };
            stage.until("the namespace is gone", gone).await
        }
        .boxed()
    }

    fn is_over<'a>(&'a self, stage: &'a Stage<'_>) -> BoxFuture<'a, Result<bool>> {
        async move { Ok(stage.is_environment_ready().await? && !stage.is_namespace_gone().await?) }.boxed()
    }
}
