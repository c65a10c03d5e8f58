//! The pods of an environment: which one is meant.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;

use crate::api_error::Attempted as _;
use crate::connect::Session;
use crate::environment;

/// The pods of an environment that runs.
pub fn api(session: &Session, environment: &DevEnvironment) -> anyhow::Result<Api<Pod>> {
    let Some(namespace) = environment::namespace(environment) else {
        let (name, program) = (environment.name_any(), &session.program);
        anyhow::bail!(
            "{name} has no pods: {}\n  look closer: {program} status {name}",
            environment::message(environment)
        );
    };
    Ok(Api::namespaced(session.client.clone(), namespace))
}

/// All pods of an environment that runs.
pub async fn list(api: &Api<Pod>) -> anyhow::Result<Vec<Pod>> {
    Ok(api.list(&ListParams::default()).await.attempted("list the pods of the environment")?.items)
}

/// Names of its containers.
pub fn containers(pod: &Pod) -> Vec<&str> {
    pod.spec.iter().flat_map(|spec| &spec.containers).map(|container| container.name.as_str()).collect()
}

/// Whether the pod runs and is ready.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// The label of a pod.
pub fn label<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    pod.labels().get(name).map(String::as_str)
}

/// A pod and a container in it in which a command can run. The role of `local` is a store: each is a container.
pub fn choose(pods: &[Pod], service: &str, role: Option<&str>) -> Result<(String, String), String> {
    let pods: Vec<_> = pods.iter().filter(|pod| label(pod, names::SERVICE) == Some(service)).collect();
    if service == names::LOCAL {
        return choose_store(&pods, role);
    }
    let in_role = |pod: &&&Pod| role.is_none() || label(pod, names::ROLE) == role;
    // The one that answers on the service's ports before a worker, a ready one before others, a new one before an old one.
    let rank = |pod: &&&Pod| (label(pod, names::SERVES).is_some(), is_ready(pod), pod.creation_timestamp());
    match pods.iter().filter(|pod| is_running(pod)).filter(in_role).max_by_key(rank) {
        Some(pod) => Ok((pod.name_any(), service.to_owned())),
        None => Err(nothing_runs(&pods, service, role)),
    }
}

/// The roles of a service whose pods go on running; one without a name where it has no roles.
pub fn roles(pods: &[Pod], service: &str) -> Vec<Option<String>> {
    let ends = |pod: &Pod| pod.owner_references().iter().any(|owner| owner.kind == "Job");
    let of_service =
        |pod: &&Pod| label(pod, names::SERVICE) == Some(service) && is_running(pod) && !ends(pod);
    let role = |pod: &Pod| label(pod, names::ROLE).map(str::to_owned);
    let roles: BTreeSet<_> = pods.iter().filter(of_service).map(role).collect();
    roles.into_iter().collect()
}

fn choose_store(pods: &[&Pod], store: Option<&str>) -> Result<(String, String), String> {
    let Some(pod) = pods.iter().find(|pod| is_running(pod)) else {
        return Err(nothing_runs(pods, names::LOCAL, None));
    };
    match (containers(pod).as_slice(), store) {
        ([only], None) => Ok((pod.name_any(), (*only).to_owned())),
        (all, Some(store)) if all.contains(&store) => Ok((pod.name_any(), store.to_owned())),
        (all, _) => Err(format!("which store of local? name one with --role: {}", all.join(", "))),
    }
}

fn nothing_runs(pods: &[&Pod], service: &str, role: Option<&str>) -> String {
    let mut roles: Vec<_> = pods.iter().filter_map(|pod| label(pod, names::ROLE)).collect();
    roles.sort_unstable();
    roles.dedup();
    match (role, roles.as_slice()) {
        (Some(role), roles) if !roles.is_empty() && !roles.contains(&role) => {
            format!("{service} has no role {role} that runs; it has: {}", roles.join(", "))
        }
        (Some(role), []) => format!("no pod of {service} runs in a role {role}"),
        _ => format!("no pod of {service} runs"),
    }
}

/// The ready pod that answers on a service's ports.
pub fn serving(pods: &[Pod], service: &str) -> Option<String> {
    let serves = |pod: &&Pod| label(pod, names::SERVES) == Some(service) && is_ready(pod);
    pods.iter().filter(serves).max_by_key(|pod| pod.creation_timestamp()).map(ResourceExt::name_any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, labels: &[(&str, &str)], ready: &str, containers: &[&str]) -> Pod {
        let labels: serde_json::Map<_, _> =
            labels.iter().map(|(key, value)| (format!("slipway.dev/{key}"), json!(value))).collect();
        let containers: Vec<_> = containers.iter().map(|name| json!({"name": name})).collect();
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": labels, "creationTimestamp": "2026-11-22T10:00:00Z"},
            "spec": {"containers": containers},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}}))
        .unwrap()
    }

    fn dispatch() -> Vec<Pod> {
        let role = |name, role, more: &[(&str, &str)], ready| {
            pod(name, &[&[("service", "dispatch"), ("role", role)], more].concat(), ready, &["dispatch"])
        };
        vec![
            role("worker-1", "worker", &[], "True"),
            role("web-1", "web", &[("serves", "dispatch")], "False"),
            role("web-2", "web", &[("serves", "dispatch")], "True"),
        ]
    }

    fn chosen(pod: &str, container: &str) -> (String, String) {
        (pod.to_owned(), container.to_owned())
    }

    #[test]
    fn roles_are_those_of_pods_that_go_on_running() {
        let mut pods = dispatch();
        let mut nightly =
            pod("nightly-1", &[("service", "dispatch"), ("role", "nightly")], "True", &["dispatch"]);
        let owner = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "nightly", "uid": "u"}]);
        nightly.metadata.owner_references = serde_json::from_value(owner).unwrap();
        pods.push(nightly);
        assert_eq!(roles(&pods, "dispatch"), ["web", "worker"].map(|role| Some(role.to_owned())));
        assert_eq!(roles(&[pod("api-1", &[("service", "api")], "True", &["api"])], "api"), [None]);
        assert_eq!(roles(&pods, "api"), []);
    }

    #[test]
    fn the_role_that_answers_on_ports_is_preferred() {
        assert_eq!(choose(&dispatch(), "dispatch", None), Ok(chosen("web-2", "dispatch")));
        assert_eq!(choose(&dispatch(), "dispatch", Some("worker")), Ok(chosen("worker-1", "dispatch")));
    }

    #[test]
    fn a_role_that_is_none_is_told_with_those_there_are() {
        let refusal = choose(&dispatch(), "dispatch", Some("cron")).unwrap_err();
        assert_eq!(refusal, "dispatch has no role cron that runs; it has: web, worker");
        assert_eq!(choose(&dispatch(), "api", None).unwrap_err(), "no pod of api runs");
    }

    #[test]
    fn a_store_of_the_stateful_pod_is_named_where_there_are_several() {
        let local = [pod("local-0", &[("service", "local")], "True", &["redis", "dynamodb"])];
        assert_eq!(choose(&local, "local", Some("redis")), Ok(chosen("local-0", "redis")));
        assert!(choose(&local, "local", None).unwrap_err().ends_with("redis, dynamodb"));
    }

    #[test]
    fn only_ready_pods_answer() {
        assert_eq!(serving(&dispatch(), "dispatch"), Some("web-2".to_owned()));
        assert_eq!(serving(&dispatch()[..2], "dispatch"), None);
    }
}
