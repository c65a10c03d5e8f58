//! The check-list of an environment: image, container, health of each service.

use k8s_openapi::api::core::v1::Pod;
use slipway_crds::v1alpha1::{DevEnvironment, LockedService};
use slipway_crds::{names, reasons};

/// One line of the check-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The service, or `local`.
    pub service: String,
    /// Its image exists.
    pub image: bool,
    /// Its containers run.
    pub container: bool,
    /// It answers.
    pub health: bool,
    /// What it waits for.
    pub note: String,
}

impl Row {
    /// The line as text, without colour.
    pub(super) fn text(&self) -> String {
        let mark = |done: bool| if done { "✔" } else { "·" };
        let (image, container, health) = (mark(self.image), mark(self.container), mark(self.health));
        let line = format!(
            "  {:<12}{image} image  {container} container  {health} health  {}",
            self.service, self.note
        );
        line.trim_end().to_owned()
    }
}

/// What is to be shown of an environment and its pods.
pub(super) fn rows(environment: &DevEnvironment, pods: &[Pod]) -> Vec<Row> {
    let Some(status) = &environment.status else { return Vec::new() };
    let row = |locked: &LockedService| Row {
        service: locked.service.clone(),
        // The images of stores are named in the Fleet, not locked.
        image: locked.image.is_some() || locked.service == names::LOCAL,
        container: is_running(pods, &locked.service),
        health: locked.ready,
        note: if locked.ready { String::new() } else { note(environment, pods, &locked.service) },
    };
    status.lock.iter().map(row).collect()
}

/// What the kubelet says of its pods; before there are any, how far its build is.
fn note(environment: &DevEnvironment, pods: &[Pod], service: &str) -> String {
    let of_pods = waiting_for(pods, service);
    if !of_pods.is_empty() {
        return of_pods;
    }
    let blocked = environment.status.iter().flat_map(|status| &status.blocked_by);
    let mut builds = blocked.filter(|blocked| blocked.reason == reasons::IMAGE_BUILDING);
    let mine = builds.find(|blocked| blocked.what.split(' ').any(|word| word == service));
    mine.map(|blocked| blocked.message.clone()).unwrap_or_default()
}

fn pods_of<'a>(pods: &'a [Pod], service: &'a str) -> impl Iterator<Item = &'a Pod> {
    pods.iter().filter(move |pod| {
        let labels = pod.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(names::SERVICE)).is_some_and(|name| name == service)
    })
}

fn is_running(pods: &[Pod], service: &str) -> bool {
    let mut phases =
        pods_of(pods, service).map(|pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()));
    let mut any = false;
    let all = phases.all(|phase| {
        any = true;
        phase == Some("Running")
    });
    any && all
}

/// The reason that the kubelet gives for a container that does not run.
fn waiting_for(pods: &[Pod], service: &str) -> String {
    let statuses = pods_of(pods, service).filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref());
    let reasons =
        statuses.flatten().filter_map(|container| container.state.as_ref()?.waiting.as_ref()?.reason.clone());
    reasons.last().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment() -> DevEnvironment {
        let lock = json!([
            {"service": "local", "commit": "", "why": "stores", "ready": false},
            {"service": "www", "commit": "3f2c", "why": "trunk", "image": "r/www@sha256:1", "ready": true},
            {"service": "api", "commit": "91ab", "why": "trunk", "ready": false},
        ]);
        serde_json::from_value(json!({
            "metadata": {"name": "demo"},
            "spec": {"profile": "demo"},
            "status": {"lock": lock},
        }))
        .unwrap()
    }

    fn pod(service: &str, phase: &str, waiting: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"labels": {"slipway.dev/service": service}},
            "status": {"phase": phase, "containerStatuses": [{
                "name": service, "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": waiting}},
            }]},
        }))
        .unwrap()
    }

    #[test]
    fn stores_and_services_are_listed_with_what_they_have() {
        let pods = [pod("www", "Running", ""), pod("api", "Pending", "ImagePullBackOff")];
        let lines: Vec<String> = rows(&environment(), &pods).iter().map(Row::text).collect();
        let expected = [
            "  local       ✔ image  · container  · health",
            "  www         ✔ image  ✔ container  ✔ health",
            "  api         · image  · container  · health  ImagePullBackOff",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_service_that_is_built_says_how_far_it_is() {
        let mut environment = environment();
        let blocked = json!([{
            "what": "service api", "reason": "ImageBuilding", "message": "build api-1: Building: Provision",
            "since": "2026-11-23T00:00:00Z",
        }]);
        environment.status.as_mut().unwrap().blocked_by = serde_json::from_value(blocked).unwrap();
        assert_eq!(rows(&environment, &[])[2].note, "build api-1: Building: Provision");
    }

    #[test]
    fn a_service_with_one_pending_pod_of_two_does_not_run() {
        let pods = [pod("www", "Running", ""), pod("www", "Pending", "")];
        assert!(!rows(&environment(), &pods)[1].container);
    }
}
