//! The pod of the look: until it runs, and its end.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PropagationPolicy};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Error, ResourceExt as _};
use slipway_plan::environment::pods::trouble;
use slipway_plan::object::{Object, Observed};

use crate::output::Output;

/// The image may have to be pulled.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long the removal may take: nobody is kept at the terminal because the cluster went away.
const REMOVAL: Duration = Duration::from_secs(10);

/// Its name, once it runs. What is in the way meanwhile is said.
pub async fn until_it_runs(pods: &Api<Pod>, job: &str, output: &mut Output) -> anyhow::Result<String> {
    let mut told = String::new();
    let running = watch(pods, job, &mut told, output);
    if let Ok(pod) = tokio::time::timeout(PATIENCE, running).await {
        return pod;
    }
    let why = if told.is_empty() { "there is no pod" } else { &told };
    anyhow::bail!("it does not run after {} minutes: {why}", PATIENCE.as_secs() / 60)
}

async fn watch(pods: &Api<Pod>, job: &str, told: &mut String, output: &mut Output) -> anyhow::Result<String> {
    let config = watcher::Config::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let seen = watcher(pods.clone(), config).default_backoff().applied_objects();
    let mut seen = std::pin::pin!(seen);
    while let Some(seen) = seen.next().await {
        let pod = match seen {
            Ok(pod) => pod,
            Err(error) => {
                say(format!("the pods cannot be watched: {error}"), told, output);
                continue;
            }
        };
        match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
            Some("Running") => return Ok(pod.name_any()),
            Some("Failed" | "Succeeded") => anyhow::bail!("pod {} ended before it was used", pod.name_any()),
            _ => {}
        }
        if let Some(trouble) = trouble(&[&observed(&pod)?]) {
            say(trouble, told, output);
        }
    }
    anyhow::bail!("the watch of the pods ended")
}

fn say(line: String, told: &mut String, output: &mut Output) {
    if line != *told {
        output.say(&line);
        *told = line;
    }
}

fn observed(pod: &Pod) -> anyhow::Result<Observed> {
    let Object { key, body } = Object::from_typed(pod)?;
    Ok(Observed { key, body })
}

/// Removes the Job with its pod. When that fails it is said, and who removes it then.
pub async fn remove(jobs: &Api<Job>, name: &str, output: &mut Output) {
    let params =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    let why = match tokio::time::timeout(REMOVAL, jobs.delete(name, &params)).await {
        Ok(Ok(_)) => return,
        Ok(Err(Error::Api(status))) if status.is_not_found() => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the cluster does not answer".to_owned(),
    };
    output.say(&format!("job {name} could not be removed: {why}\n  it goes by itself when its time is over"));
}
