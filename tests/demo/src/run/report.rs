//! Why it is not as it should be: conditions, pods, last log lines.

use std::fmt::Write;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DynamicObject, ListParams, LogParams};
use kube::core::GroupVersionKind;
use serde_json::Value;

use crate::demo::{Demo, NAMESPACE};

const KINDS: &[&str] = &["GitSync", "Fleet", "ServiceRepo", "ServiceBuild", "DevEnvironment"];
const LINES: i64 = 15;

/// Text for people; what cannot be asked for is said instead.
pub(super) async fn failure(demo: &Demo) -> String {
    let mut text = String::from("\nThis is how things stand:\n");
    for kind in KINDS {
        match conditions(demo, kind).await {
            Ok(lines) => text += &lines,
            Err(error) => text.push_str(&unreadable(kind, &error)),
        }
    }
    match pods(demo).await {
        Ok(lines) => text + &lines,
        Err(error) => text + &unreadable("pods", &error),
    }
}

fn unreadable(what: &str, error: &anyhow::Error) -> String {
    format!("  {what}: cannot be read: {error:#}\n")
}

/// Conditions that are not as in a ready object.
async fn conditions(demo: &Demo, kind: &str) -> Result<String> {
    let kind = GroupVersionKind::gvk("slipway.dev", "v1alpha1", kind);
    let (resource, _) = kube::discovery::pinned_kind(demo.client(), &kind).await?;
    let api: Api<DynamicObject> = Api::namespaced_with(demo.client().clone(), NAMESPACE, &resource);
    let mut text = String::new();
    for object in api.list(&ListParams::default()).await? {
        let name = object.metadata.name.unwrap_or_default();
        let found = object.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        if found.is_empty() {
            writeln!(text, "  {} {name}: no conditions yet", kind.kind)?;
        }
        for condition in found {
            let word = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
            let (state, reason, message) = (word("status"), word("reason"), word("message"));
            writeln!(text, "  {} {name}: {}={state} {reason}: {message}", kind.kind, word("type"))?;
        }
        for blocked in object.data["status"]["blockedBy"].as_array().into_iter().flatten() {
            writeln!(text, "    waits for {}: {}", string(&blocked["what"]), string(&blocked["message"]))?;
        }
    }
    Ok(text)
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// All pods outside kube-system, with the last lines of those that are not ready and of the operator.
async fn pods(demo: &Demo) -> Result<String> {
    let everywhere: Api<Pod> = Api::all(demo.client().clone());
    let mut text = String::new();
    for pod in everywhere.list(&ListParams::default().fields("metadata.namespace!=kube-system")).await? {
        let (name, namespace) =
            (pod.metadata.name.unwrap_or_default(), pod.metadata.namespace.unwrap_or_default());
        let status = pod.status.unwrap_or_default();
        writeln!(text, "  pod {namespace}/{name}: {}", status.phase.unwrap_or_default())?;
        let api: Api<Pod> = Api::namespaced(demo.client().clone(), &namespace);
        for container in status.container_statuses.unwrap_or_default() {
            let state = container.state.unwrap_or_default();
            let waiting =
                state.waiting.and_then(|waiting| Some(format!("{}: {}", waiting.reason?, waiting.message?)));
            if let Some(waiting) = waiting {
                writeln!(text, "    {} waits: {waiting}", container.name)?;
            }
            if !container.ready || namespace == "slipway-system" {
                text += &last_lines(&api, &name, &container.name).await;
            }
        }
    }
    Ok(text)
}

async fn last_lines(api: &Api<Pod>, pod: &str, container: &str) -> String {
    let wanted =
        LogParams { container: Some(container.to_owned()), tail_lines: Some(LINES), ..LogParams::default() };
    let log = api.logs(pod, &wanted).await.unwrap_or_default();
    log.lines().fold(String::new(), |text, line| format!("{text}    {container} | {line}\n"))
}
