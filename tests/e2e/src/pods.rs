//! The pods of an environment: which there are, what they print, and commands in them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{AttachParams, ListParams, LogParams};
use kube::{Api, Client, ResourceExt};
use slipway_crds::names;
use tokio::io::AsyncReadExt;

/// UIDs of the pods that are there to stay, by service and role, such as `dispatch/worker`.
pub type Crew = BTreeMap<String, Vec<String>>;

/// The pods of a namespace, without those that are ending.
pub async fn crew(client: &Client, namespace: &str) -> Result<Crew> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut crew = Crew::new();
    for pod in pods.list(&ListParams::default()).await? {
        if pod.metadata.deletion_timestamp.is_none() {
            crew.entry(post(&pod)).or_default().push(pod.uid().unwrap_or_default());
        }
    }
    for uids in crew.values_mut() {
        uids.sort();
    }
    Ok(crew)
}

fn post(pod: &Pod) -> String {
    let label = |name: &str| pod.labels().get(name).cloned();
    let service = label(names::SERVICE).unwrap_or_else(|| pod.name_any());
    label(names::ROLE).map_or(service.clone(), |role| format!("{service}/{role}"))
}

/// The services and roles whose pods differ.
pub fn changed<'a>(before: &'a Crew, after: &'a Crew) -> Vec<&'a str> {
    let mut posts: Vec<&str> = before.keys().chain(after.keys()).map(String::as_str).collect();
    posts.sort_unstable();
    posts.dedup();
    posts.retain(|post| before.get(*post) != after.get(*post));
    posts
}

/// A pod of a service and role that is there to stay.
pub async fn of_service(pods: &Api<Pod>, wanted: &str) -> Result<String> {
    let all = pods.list(&ListParams::default()).await?;
    let mut found = all.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none() && post(pod) == wanted);
    Ok(found.next().with_context(|| format!("there is no pod of {wanted}"))?.name_any())
}

/// What a command in a container prints; an error when it does not end with 0.
pub async fn exec(pods: &Api<Pod>, pod: &str, container: &str, command: &[&str]) -> Result<String> {
    let streams = AttachParams::default().container(container).stdout(true).stderr(true);
    let mut process = pods.exec(pod, command.iter().copied(), &streams).await?;
    let mut output = process.stdout().context("no output")?;
    let mut errors = process.stderr().context("no error output")?;
    let status = process.take_status().context("no status")?;
    let (mut printed, mut complained) = (String::new(), String::new());
    let (read, read_errors) =
        tokio::join!(output.read_to_string(&mut printed), errors.read_to_string(&mut complained));
    read.and(read_errors)?;
    let status = status.await.with_context(|| format!("{command:?} in {pod} ended without a status"))?;
    ensure!(status.status.as_deref() == Some("Success"), "{command:?} in {pod}: {status:?} {complained}");
    Ok(printed)
}

/// What a container has printed so far.
pub async fn log(pods: &Api<Pod>, pod: &str, container: &str) -> Result<String> {
    let wanted = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
    Ok(pods.logs(pod, &wanted).await?)
}
