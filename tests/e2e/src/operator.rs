//! The operator as something that can be stopped, frozen and killed. One story at a time may disturb it.

use std::sync::Arc;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams, Patch, PatchParams};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use slipway_cluster::Cluster;
use tokio::sync::{Mutex, MutexGuard};

use crate::containers;
use crate::waiting::{until, until_all};

const NAMESPACE: &str = "slipway-system";
const NAME: &str = "slipway-controller";
const PODS: &str = "app.kubernetes.io/name=slipway-controller";

/// Lines of its log that are shown after a failure.
const LINES: i64 = 60;

/// Who the API server sees when the operator writes.
pub const USER: &str = "system:serviceaccount:slipway-system:slipway-controller";

/// The operator's Deployment.
pub struct Operator {
    deployments: Api<Deployment>,
    pods: Api<Pod>,
    turn: Mutex<()>,
}

/// The operator's container as it ran when it was frozen.
pub struct Frozen {
    pod: String,
    container: String,
}

impl Operator {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            deployments: Api::namespaced(client.clone(), NAMESPACE),
            pods: Api::namespaced(client.clone(), NAMESPACE),
            turn: Mutex::default(),
        }
    }

    /// Waits until no other story disturbs the operator; nobody else does while the guard lives.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Stops its process where it is: nothing is done any more, and nothing ends.
    pub async fn freeze(&self, cluster: &Cluster) -> Result<Frozen> {
        let frozen = self.running().await?;
        containers::signal(cluster, &frozen.container, "SIGSTOP").await?;
        Ok(frozen)
    }

    /// kill -9 of its process; returns when another one has taken its place and is ready.
    pub async fn kill(&self, cluster: &Cluster, frozen: Frozen) -> Result<()> {
        let Frozen { pod, container } = frozen;
        containers::signal(cluster, &container, "SIGKILL").await?;
        let is_another =
            move |found: &Pod| is_ready(found) && containers::running(found) != Some(container.clone());
        until(&self.pods, &pod, "the operator runs again", is_another).await.map(drop)
    }

    /// Stops the operator for good; returns when its pod is gone.
    pub async fn stop(&self) -> Result<()> {
        self.scale(0).await?;
        let none = |pods: &[Arc<Pod>]| pods.is_empty();
        until_all(&self.pods, watcher::Config::default().labels(PODS), "no operator runs", none)
            .await
            .map(drop)
    }

    /// Starts it again; returns when it is ready.
    pub async fn start(&self) -> Result<()> {
        self.scale(1).await?;
        let one = |pods: &[Arc<Pod>]| pods.iter().any(|pod| is_ready(pod));
        until_all(&self.pods, watcher::Config::default().labels(PODS), "the operator runs", one)
            .await
            .map(drop)
    }

    /// The last lines of its log, for people.
    pub async fn last_lines(&self) -> String {
        let wanted = LogParams { tail_lines: Some(LINES), ..LogParams::default() };
        match self.running().await {
            Ok(Frozen { pod, .. }) => {
                self.pods.logs(&pod, &wanted).await.unwrap_or_else(|error| error.to_string())
            }
            Err(error) => error.to_string(),
        }
    }

    async fn scale(&self, replicas: i32) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.deployments.patch(NAME, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    async fn running(&self) -> Result<Frozen> {
        let pods = self.pods.list(&ListParams::default().labels(PODS)).await?;
        let found = pods.iter().find_map(|pod| Some((pod.name_any(), containers::running(pod)?)));
        let (pod, container) = found.context("the operator does not run")?;
        Ok(Frozen { pod, container })
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready =
        conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"));
    ready && pod.metadata.deletion_timestamp.is_none()
}
