//! A registry that wants a password: digests are looked up with it, and nodes pull with it.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceRepo};
use slipway_demo::is_ready;
use slipway_e2e::environment;
use slipway_e2e::waiting::until;

use crate::stage::{LOGIN, PRIVATE, Stage};

const NAMESPACE: &str = "closed";

pub async fn pods_are_pulled_with_the_fleets_password(stage: &Stage) -> Result<()> {
    stage.namespace(NAMESPACE).await?;
    let store = json!({"name": "redis", "image": "{registry}/redis:7", "ports": [6379], "data": "/data",
        "command": ["redis-server", "--protected-mode", "no", "--dir", "/data"]});
    stage.make::<Fleet>(NAMESPACE, "fleet", json!({"registry": PRIVATE, "stores": [store]})).await?;
    let url = format!("http://{}/ats.git", slipway_demo::GIT_HOST);
    stage.make::<ServiceRepo>(NAMESPACE, "ats", json!({"url": url, "interval": "2s"})).await?;
    stage.make::<DevEnvironment>(NAMESPACE, "one", json!({"services": ["ats"]})).await?;
    let environments = stage.within::<DevEnvironment>(NAMESPACE);
    until(&environments, "one", "it says that the registry wants a login", |found| {
        let waits = found.status.iter().flat_map(|status| &status.blocked_by);
        waits.into_iter().any(|wait| wait.message.contains("wants a login"))
    })
    .await?;

    stage.within::<Secret>(NAMESPACE).create(&PostParams::default(), &secret()?).await?;
    let named = Patch::Merge(json!({"spec": {"pullSecret": "registry"}}));
    stage.within::<Fleet>(NAMESPACE).patch("fleet", &PatchParams::default(), &named).await?;
    let ready = until(&environments, "one", "ready with a login", is_ready).await?;
    let inside = environment::namespace(&ready)?;
    for pod in stage.within::<Pod>(&inside).list(&ListParams::default()).await? {
        let secrets = pod.spec.unwrap_or_default().image_pull_secrets.unwrap_or_default();
        ensure!(secrets.len() == 1 && secrets[0].name == names::PULL_SECRET, "it pulls with {secrets:?}");
        for container in pod.status.unwrap_or_default().container_statuses.unwrap_or_default() {
            ensure!(container.image_id.starts_with(PRIVATE), "{} is {}", container.name, container.image_id);
        }
    }
    nobody_pulls_without(stage).await
}

/// Otherwise all of it would prove nothing.
async fn nobody_pulls_without(stage: &Stage) -> Result<()> {
    let image = format!("{PRIVATE}/ats:{}", stage.head("ats")?);
    let container = json!({"name": "main", "image": image, "imagePullPolicy": "Always"});
    stage.make::<Pod>(NAMESPACE, "stranger", json!({"containers": [container]})).await?;
    let refused = |found: &Pod| {
        let statuses = found.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let mut states = statuses.filter_map(|one| one.state.as_ref()?.waiting.as_ref());
        states.any(|waiting| matches!(waiting.reason.as_deref(), Some("ErrImagePull" | "ImagePullBackOff")))
    };
    until(&stage.within::<Pod>(NAMESPACE), "stranger", "it is not pulled without the password", refused)
        .await
        .map(drop)
}

fn secret() -> Result<Secret> {
    let [username, password] = LOGIN;
    let config = json!({"auths": {PRIVATE: {"username": username, "password": password}}}).to_string();
    Ok(serde_json::from_value(json!({
        "metadata": {"name": "registry"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config},
    }))?)
}
