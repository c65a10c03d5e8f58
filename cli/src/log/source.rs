//! The containers whose logs are shown.

use clap::ValueEnum;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use slipway_crds::names;

use crate::pods;

/// What the tests of an integration run are called among the services.
pub const TESTS: &str = "tests";

/// What prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// The services
    #[default]
    Run,
    /// The tests of an integration run
    Test,
}

/// One life of a container: after a restart it is another.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The service it belongs to.
    pub service: String,
    /// How its lines are marked: the service, with its role, or with the store.
    pub label: String,
    /// The pod.
    pub pod: String,
    /// The pod's UID.
    pub uid: String,
    /// The container.
    pub container: String,
    /// How often it was restarted before.
    pub restarts: i32,
}

impl Source {
    /// What it is.
    pub fn kind(&self) -> Kind {
        if self.service == TESTS { Kind::Test } else { Kind::Run }
    }
}

/// The containers that have printed something, of these services, or of all.
pub fn sources<'a>(pods: impl Iterator<Item = &'a Pod>, services: &[String]) -> Vec<Source> {
    let wanted = |source: &Source| services.is_empty() || services.contains(&source.service);
    let mut all: Vec<_> = pods.flat_map(of_pod).filter(wanted).collect();
    all.sort();
    all
}

fn of_pod(pod: &Pod) -> Vec<Source> {
    let run = pods::label(pod, names::RUN_GENERATION).map(|_| TESTS);
    let Some(service) = pods::label(pod, names::SERVICE).or(run) else { return Vec::new() };
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let started = statuses.into_iter().flatten().filter(|container| has_started(container));
    started.map(|container| of_container(pod, service, container)).collect()
}

fn of_container(pod: &Pod, service: &str, container: &ContainerStatus) -> Source {
    let part = match pods::label(pod, names::ROLE) {
        Some(role) => Some(role),
        None if service == names::LOCAL => Some(container.name.as_str()),
        None => None,
    };
    Source {
        label: part.map_or_else(|| service.to_owned(), |part| format!("{service}/{part}")),
        service: service.to_owned(),
        pod: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        container: container.name.clone(),
        restarts: container.restart_count,
    }
}

fn has_started(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    let begun = state.is_some_and(|state| state.running.is_some() || state.terminated.is_some());
    begun || container.restart_count > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(name: &str, labels: &Value, containers: &[(&str, Value, i32)]) -> Pod {
        let statuses: Vec<_> = containers
            .iter()
            .map(|(name, state, restarts)| {
                json!({"name": name, "state": state, "restartCount": restarts, "image": "", "imageID": "", "ready": true})
            })
            .collect();
        serde_json::from_value(json!({"metadata": {"name": name, "uid": name, "labels": labels},
            "status": {"containerStatuses": statuses}}))
        .unwrap()
    }

    fn labels(pods: &[Pod], services: &[&str]) -> Vec<String> {
        let services: Vec<_> = services.iter().map(|&service| service.to_owned()).collect();
        sources(pods.iter(), &services).into_iter().map(|source| source.label).collect()
    }

    fn running() -> Value {
        json!({"running": {}})
    }

    #[test]
    fn roles_and_stores_are_told_apart() {
        let pods = [
            pod("www-1", &json!({"slipway.dev/service": "www"}), &[("www", running(), 0)]),
            pod(
                "d-1",
                &json!({"slipway.dev/service": "dispatch", "slipway.dev/role": "worker"}),
                &[("dispatch", running(), 0)],
            ),
            pod(
                "local-0",
                &json!({"slipway.dev/service": "local"}),
                &[("redis", running(), 0), ("dynamodb", running(), 0)],
            ),
            pod("integration-1-x", &json!({"slipway.dev/run-generation": "1"}), &[("tests", running(), 0)]),
        ];
        let all = ["dispatch/worker", "local/dynamodb", "local/redis", "tests", "www"];
        assert_eq!(labels(&pods, &[]), all);
        assert_eq!(labels(&pods, &["www", "tests"]), ["tests", "www"]);
    }

    #[test]
    fn what_has_not_started_has_no_log() {
        let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
        let new = pod("www-1", &json!({"slipway.dev/service": "www"}), &[("www", waiting.clone(), 0)]);
        assert_eq!(labels(&[new], &[]), Vec::<String>::new());
        let crashing = pod("www-1", &json!({"slipway.dev/service": "www"}), &[("www", waiting, 2)]);
        assert_eq!(labels(&[crashing], &[]), ["www"]);
    }

    #[test]
    fn a_restarted_container_is_another_source() {
        let life =
            |restarts| pod("www-1", &json!({"slipway.dev/service": "www"}), &[("www", running(), restarts)]);
        assert_ne!(sources([life(0)].iter(), &[]), sources([life(1)].iter(), &[]));
    }
}
