//! Signals to processes in containers, sent by the container's own id: nothing else can be hit.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use slipway_cluster::Cluster;

/// Id of a pod's only container in the node's containerd; none while it is not running.
pub fn running(pod: &Pod) -> Option<String> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    container.state.as_ref()?.running.as_ref()?;
    Some(container.container_id.as_ref()?.strip_prefix("containerd://")?.to_owned())
}

/// Sends a signal, such as `SIGKILL`, to the first process of a container.
pub async fn signal(cluster: &Cluster, container: &str, signal: &str) -> Result<()> {
    let command = ["ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", signal, container];
    let output = cluster.exec_inside(&command).await.context("cannot ask containerd")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
