//! All that is known of why a service is as it is, in the words of the status.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use serde::Serialize;
use slipway_crds::v1alpha1::{BlockedBy, DevEnvironment, IntegrationStatus, LockedService, ServiceRepo};
use slipway_crds::{conditions, names, reasons};

use crate::environment::{self, State};
use crate::follow::Pods;
use crate::pods;

/// Why a service is as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasons {
    /// The environment.
    pub environment: String,
    /// How the environment stands, in one word.
    pub state: &'static str,
    /// What the environment says of itself.
    pub message: String,
    /// When the environment ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The service.
    pub service: String,
    /// What it runs and why; none before that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<LockedService>,
    /// Why the newest commit of the ops repository is not run, where it is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops_held_back: Option<String>,
    /// Where its commits come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// What it waits for.
    pub blocked_by: Vec<BlockedBy>,
    /// What other services of the environment wait for.
    pub others_blocked_by: Vec<BlockedBy>,
    /// Its pods.
    pub pods: Vec<PodStanding>,
    /// The integration run of the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration: Option<IntegrationStatus>,
    /// What to do, as commands.
    pub next: Vec<String>,
}

/// The repository of a service.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// Where it is.
    pub url: String,
    /// Its trunk.
    pub trunk: String,
    /// The commit the trunk points at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk_commit: Option<String>,
    /// Why it cannot be read, where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// How a pod stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStanding {
    /// The pod.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// Whether it is ready.
    pub ready: bool,
    /// The commit it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// How often its containers were restarted.
    pub restarts: i32,
    /// Since when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Reasons {
    /// What is known of a service in an environment.
    pub fn of(
        service: &str,
        environment: &DevEnvironment,
        repository: Option<&ServiceRepo>,
        pods: &Pods,
        program: &str,
    ) -> Self {
        let status = environment::status(environment);
        let services: Vec<_> = status.lock.iter().map(|locked| locked.service.as_str()).collect();
        let is_others = |wait: &BlockedBy| {
            let waits = waiting_service(&wait.what);
            waits != service && services.contains(&waits)
        };
        let (others_blocked_by, blocked_by) = status.blocked_by.into_iter().partition(is_others);
        let mine = pods.values().filter(|pod| pods::label(pod, names::SERVICE) == Some(service));
        let mut reasons = Self {
            environment: environment.name_any(),
            state: environment::state(environment).word(),
            message: environment::message(environment),
            expires_at: status.expires_at.filter(|_| status.ended.is_none()),
            service: service.to_owned(),
            locked: status.lock.into_iter().find(|locked| locked.service == service),
            ops_held_back: None,
            repository: repository.map(Repository::of),
            blocked_by,
            others_blocked_by,
            pods: mine.map(PodStanding::of).collect(),
            integration: status.integration,
            next: Vec::new(),
        };
        reasons.next = reasons.what_to_do(environment::state(environment), program);
        reasons
    }

    /// Whether the service is ready.
    pub fn is_ready(&self) -> bool {
        self.locked.as_ref().is_some_and(|locked| locked.ready)
    }

    fn what_to_do(&self, state: State, program: &str) -> Vec<String> {
        let Self { service, environment, .. } = self;
        let log = format!("{program} logs {service} -e {environment}");
        match self.blocked_by.first().map(|wait| wait.reason.as_str()) {
            _ if self.integration.as_ref().is_some_and(|run| run.outcome.is_some()) => {
                vec![format!("{program} logs tests -e {environment}")]
            }
            _ if matches!(state, State::Ended(_)) => vec![format!("{program} start --env {environment}")],
            Some(reasons::POD_NOT_READY) if self.pods.iter().any(|pod| pod.restarts > 0) => {
                vec![format!("{log} --previous"), format!("{program} restart {service} -e {environment}")]
            }
            Some(reasons::POD_NOT_READY) => {
                vec![log, format!("{program} why {service} -e {environment} --watch")]
            }
            // Its message says what a person has to change.
            Some(_) if state == State::Stalled => vec![format!("{program} status {environment} --watch")],
            Some(_) => vec![format!("{program} doctor")],
            None => Vec::new(),
        }
    }
}

/// The service that a wait is about: `service www`, or `local`.
fn waiting_service(what: &str) -> &str {
    what.strip_prefix("service ").unwrap_or(what)
}

impl Repository {
    fn of(repo: &ServiceRepo) -> Self {
        let status = repo.status.clone().unwrap_or_default();
        let ready = conditions::find(&status.conditions, conditions::READY);
        let trouble = ready.filter(|ready| ready.status == "False").map(|ready| ready.message.clone());
        let (url, trunk) = (repo.spec.url.clone(), repo.spec.trunk.clone());
        Self { url, trunk, trunk_commit: status.trunk_commit, trouble }
    }
}

impl PodStanding {
    fn of(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let containers = status.container_statuses.unwrap_or_default();
        let going = pod.metadata.deletion_timestamp.is_some();
        Self {
            name: pod.name_any(),
            phase: if going { "Terminating".to_owned() } else { status.phase.unwrap_or_default() },
            ready: pods::is_ready(pod),
            commit: pod.annotations().get(names::COMMIT).cloned(),
            restarts: containers.iter().map(|container: &ContainerStatus| container.restart_count).sum(),
            since: pod.creation_timestamp().map(|time| time.0),
        }
    }
}
