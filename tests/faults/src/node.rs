//! A scripted node: scheduler, kubelet and agent in one, without a container anywhere.
//!
//! Every pod runs and is ready as soon as it exists; the pod of an integration run delivers its result and ends, and that of a
//! build pushes an image that holds nothing, and tells of it.
//! Pods get no `nodeName`: the API server removes such a pod at once, while one that is bound would hold its namespace
//! for half of its grace period, in every run.

mod build;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use slipway_agent::Report;
use slipway_crds::names;
use tokio::task::{JoinHandle, JoinSet};

/// How long a result is offered.
const PATIENCE: Duration = Duration::from_mins(2);
/// Time between two offers of a result.
const PAUSE: Duration = Duration::from_millis(200);

/// A running node; dropping it ends it.
pub struct Node(JoinHandle<()>);

impl Node {
    /// For all pods of the cluster that belong to an environment or a build.
    pub fn start(client: &Client) -> Self {
        let both = [names::ENVIRONMENT, names::BUILD].map(|label| run(client.clone(), label));
        Self(tokio::spawn(async move { drop(futures::future::join_all(both).await) }))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(client: Client, label: &str) {
    let pods: Api<Pod> = Api::all(client.clone());
    let config = watcher::Config::default().labels(label);
    let events = watcher(pods, config).default_backoff().applied_objects();
    let mut events = std::pin::pin!(events);
    let mut work = JoinSet::new();
    loop {
        match events.try_next().await {
            Ok(Some(pod)) if is_new(&pod) => {
                // A pod that goes while it is worked on needs nothing more.
                let client = client.clone();
                work.spawn(async move { drop(serve(client, pod).await) });
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => eprintln!("the node's watch of pods failed: {error}"),
        }
        while work.try_join_next().is_some() {}
    }
}

fn is_new(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && phase == Some("Pending")
}

async fn serve(client: Client, pod: Pod) -> Result<()> {
    set_status(&client, &pod, "Running", &json!({"running": {"startedAt": Timestamp::now()}})).await?;
    if pod.labels().contains_key(names::BUILD) {
        build::deliver_all(&client, &pod).await?;
    } else if pod.labels().contains_key(names::RUN_GENERATION) {
        let body = serde_json::to_vec(&passed())?;
        deliver(&client, &pod, &delivery_url(&pod)?, names::RUN_AUDIENCE, body).await?;
    } else {
        return Ok(());
    }
    let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": Timestamp::now()}});
    set_status(&client, &pod, "Succeeded", &ended).await
}

async fn set_status(client: &Client, pod: &Pod, phase: &str, state: &Value) -> Result<()> {
    let runs = phase == "Running";
    let now = Timestamp::now();
    let condition = |type_: &str, holds: bool| {
        let status = if holds { "True" } else { "False" };
        json!({"type": type_, "status": status, "lastTransitionTime": now})
    };
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let statuses: Vec<Value> = containers
        .iter()
        .map(|container| {
            json!({"name": container.name, "image": container.image, "imageID": "", "ready": runs,
                "started": runs, "restartCount": 0, "state": state})
        })
        .collect();
    let conditions = [
        condition("PodScheduled", true),
        condition("Initialized", true),
        condition("ContainersReady", runs),
        condition("Ready", runs),
    ];
    let status = json!({"phase": phase, "conditions": conditions, "containerStatuses": statuses});
    let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    let patch = json!({"metadata": {"uid": pod.uid()}, "status": status});
    api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// The result of tests that pass.
fn passed() -> Report {
    Report { exit_code: Some(0), ..Report::default() }
}

/// What the agent does: offers the result, with a token of this pod, until it is taken.
async fn deliver(client: &Client, pod: &Pod, url: &str, audience: &str, body: Vec<u8>) -> Result<()> {
    let until = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < until {
        let token = token(client, pod, audience).await?;
        let (url, body) = (url.to_owned(), body.clone());
        match tokio::task::spawn_blocking(move || offer(&url, &token, &body)).await? {
            Ok(()) => return Ok(()),
            // The operator may be dead at the moment.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    bail!("the result of {} was never taken", pod.name_any())
}

/// Where the agent was told to deliver to.
fn delivery_url(pod: &Pod) -> Result<String> {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let words = container.into_iter().flat_map(|container| container.command.iter().flatten());
    let url = words.skip_while(|word| *word != "--url").nth(1).cloned();
    url.context("the pod's command has no --url")
}

fn offer(url: &str, token: &str, body: &[u8]) -> Result<(), ureq::Error> {
    let request = ureq::post(url).config().timeout_global(Some(Duration::from_secs(30))).build();
    let bearer = format!("Bearer {token}");
    request.header("authorization", &bearer).header("content-type", "application/json").send(body).map(drop)
}

async fn token(client: &Client, pod: &Pod, audience: &str) -> Result<String> {
    let bound = BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: Some(pod.name_any()),
        uid: pod.uid(),
    };
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: Some(vec![audience.to_owned()]),
            bound_object_ref: Some(bound),
            expiration_seconds: None,
        }),
        ..TokenRequest::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    let made = accounts.create_token_request("default", &PostParams::default(), &request).await?;
    Ok(made.status.and_then(|status| status.token).unwrap_or_default())
}
