//! The pods of a build, without a container: an image that holds nothing is pushed and told of, unit tests pass.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use slipway_agent::{BuildEnded, BuildProgress, BuildReport, PushOrder, PushedImage};
use slipway_crds::names;

use super::{deliver, delivery_url, passed};
use crate::registry::digest;

/// Does what the pod is for: it pushes, or tests.
pub async fn deliver_all(client: &Client, pod: &Pod) -> Result<()> {
    if let Some(order) = order(pod)? {
        return built(client, pod, &order).await;
    }
    let body = serde_json::to_vec(&passed())?;
    deliver(client, pod, &delivery_url(pod)?, names::BUILD_AUDIENCE, body).await
}

/// The order of the container that pushes; none in a pod of unit tests.
fn order(pod: &Pod) -> Result<Option<PushOrder>> {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let Some(push) = containers.iter().find(|container| container.name == "push") else { return Ok(None) };
    let text = push.command.as_ref().and_then(|words| words.get(2)).context("there is no order")?;
    Ok(Some(serde_json::from_str(&text.replace("$$", "$"))?))
}

async fn built(client: &Client, pod: &Pod, order: &PushOrder) -> Result<()> {
    let progress = BuildProgress { step: Some("provision".to_owned()), steps: Vec::new() };
    let progress = serde_json::to_vec(&BuildReport::Progress(progress))?;
    deliver(client, pod, &order.report.url, names::BUILD_AUDIENCE, progress).await?;
    // Of the same inputs the same image, in every run.
    let manifest = serde_json::json!({"schemaVersion": 2, "of": order.identity.service_sha}).to_string();
    let target = order.target.clone();
    let pushed = tokio::task::spawn_blocking({
        let manifest = manifest.clone();
        move || push(&target, &manifest)
    });
    pushed.await??;
    let image = PushedImage { digest: digest(manifest.as_bytes()), ..PushedImage::default() };
    let ended = BuildReport::Ended(Box::new(BuildEnded { image: Some(image), ..BuildEnded::default() }));
    deliver(client, pod, &order.report.url, names::BUILD_AUDIENCE, serde_json::to_vec(&ended)?).await
}

fn push(target: &str, manifest: &str) -> Result<()> {
    let (host, rest) = target.split_once('/').context("the target has no host")?;
    let (repository, tag) = rest.rsplit_once(':').context("the target has no tag")?;
    let url = format!("http://{host}/v2/{repository}/manifests/{tag}");
    ureq::put(&url)
        .header("content-type", "application/vnd.oci.image.manifest.v1+json")
        .send(manifest.as_bytes())?;
    Ok(())
}
