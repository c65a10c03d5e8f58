//! `manifests/install.yaml` on a cluster: with images of our own, and waiting until it runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::EnvVar;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, discovery};
use serde_json::Value;

use crate::waiting::wait_for;

const MANAGER: &str = "slipway.dev/demo";
const PATIENCE: Duration = Duration::from_mins(1);

/// What the operator of this installation is told.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Image of the operator, as the cluster pulls it.
    pub operator: String,
    /// Image of the agent, as the cluster pulls it.
    pub agent: String,
    /// Registry without encryption, as host and port.
    pub plain_http_registry: String,
}

impl Installation {
    /// Applies the file of this checkout: kinds first, then all else. Returns when the operator is available.
    pub async fn apply(&self, client: &Client) -> Result<()> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/install.yaml");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let objects: Vec<Value> = serde_yaml::from_multiple(&text).context("install.yaml is not YAML")?;
        let (kinds, others): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|object| object["kind"] == "CustomResourceDefinition");
        for kind in kinds {
            let name = kind["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            apply(client, kind).await?;
            wait_until_established(client, &name).await?;
        }
        for object in others {
            apply(client, self.adapt(object)?).await?;
        }
        wait_until_available(client).await
    }

    /// The Deployment gets the images and settings; everything else stays as it is.
    fn adapt(&self, object: Value) -> Result<Value> {
        if object["kind"] != "Deployment" {
            return Ok(object);
        }
        let mut deployment: Deployment = serde_json::from_value(object)?;
        let template = deployment.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
        for container in template.into_iter().flat_map(|spec| spec.containers.iter_mut()) {
            container.image = Some(self.operator.clone());
            let variables = container.env.get_or_insert_default();
            for (name, value) in self.settings() {
                variables.retain(|variable| variable.name != name);
                variables.push(EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() });
            }
        }
        let mut object = serde_json::to_value(deployment)?;
        object["apiVersion"] = "apps/v1".into();
        object["kind"] = "Deployment".into();
        Ok(object)
    }

    fn settings(&self) -> [(&'static str, String); 2] {
        [
            ("SLIPWAY_AGENT_IMAGE", self.agent.clone()),
            ("SLIPWAY_PLAIN_HTTP_REGISTRIES", self.plain_http_registry.clone()),
        ]
    }
}

/// Server-side apply of one object of any kind.
pub(crate) async fn apply(client: &Client, object: Value) -> Result<()> {
    let object: DynamicObject = serde_json::from_value(object).context("not a Kubernetes object")?;
    let types = object.types.clone().context("an object without a kind")?;
    let name = object.metadata.name.clone().context("an object without a name")?;
    let kind = GroupVersionKind::try_from(&types)?;
    let (resource, capabilities) = discovery::pinned_kind(client, &kind).await?;
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) if capabilities.scope == discovery::Scope::Namespaced => {
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
        _ => Api::all_with(client.clone(), &resource),
    };
    let applied = api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object)).await;
    applied.map(drop).with_context(|| format!("cannot apply {} {name}", types.kind))
}

async fn wait_until_established(client: &Client, name: &str) -> Result<()> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let (resource, _) = discovery::pinned_kind(client, &kind).await?;
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let is_established = |found: &DynamicObject| {
        let conditions = found.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
    };
    wait_for(api, name, PATIENCE, is_established).await.map(drop)
}

async fn wait_until_available(client: &Client) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), "slipway-system");
    let is_available = |found: &Deployment| {
        let status = found.status.as_ref();
        status.and_then(|status| status.available_replicas).unwrap_or_default() > 0
    };
    if let Err(error) = wait_for(api, "slipway-controller", PATIENCE, is_available).await {
        bail!("the operator does not become ready: {error:#}");
    }
    Ok(())
}
