//! The pod of a service's role: one container.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, HTTPGetAction, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
    TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use slipway_crds::names;
use slipway_crds::v1alpha1::{FleetSpec, Machine};

use super::{Inputs, fat, labels, pull_secret, variables};
use crate::environment::resolve::ResolvedService;
use crate::manifest::ResolvedRole;
use crate::service_name::ServiceName;

/// The pod of one role.
pub fn build_template(
    inputs: &Inputs<'_>,
    machine: &Machine,
    service: &ResolvedService,
    role: &ResolvedRole,
    image: &str,
) -> PodTemplateSpec {
    let mut all = labels::owner(inputs.identity);
    all.extend(labels::selector(service.name.as_str(), role.name.as_ref().map(ServiceName::as_str)));
    if !role.ports.is_empty() {
        all.insert(names::SERVES.to_owned(), service.name.to_string());
    }
    let annotations = [(names::COMMIT.to_owned(), service.commit.clone())].into();
    let metadata = ObjectMeta { labels: Some(all), annotations: Some(annotations), ..ObjectMeta::default() };
    let container = build_container(inputs, machine, service, role, image);
    let mut spec = build_pod(inputs.fleet, machine, container);
    if role.schedule.is_some() {
        spec.restart_policy = Some("Never".to_owned());
    }
    let mut template = PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) };
    if let Some(built) = &service.inputs {
        fat::dress(inputs, service, role, built, &mut template);
    }
    template
}

/// A pod with what holds for every pod of an environment: no API token, and no variables of other Services.
pub fn build_pod(fleet: &FleetSpec, machine: &Machine, container: Container) -> PodSpec {
    let selector = (!machine.node_selector.is_empty()).then(|| machine.node_selector.clone());
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        containers: vec![container],
        image_pull_secrets: pull_secret::references(fleet),
        node_selector: selector,
        ..PodSpec::default()
    }
}

fn build_container(
    inputs: &Inputs<'_>,
    machine: &Machine,
    service: &ResolvedService,
    role: &ResolvedRole,
    image: &str,
) -> Container {
    let resources = (machine.resources != ResourceRequirements::default()).then(|| machine.resources.clone());
    Container {
        name: service.name.to_string(),
        image: Some(image.to_owned()),
        command: role.command.as_deref().map(shell),
        working_dir: service.manifest.run.mount.clone(),
        env: Some(variables::of_service(inputs, service, &role.env)),
        ports: (!role.ports.is_empty()).then(|| role.ports.iter().copied().map(build_port).collect()),
        readiness_probe: build_probe(role),
        resources,
        ..Container::default()
    }
}

/// A shell command as a container's.
pub fn shell(command: &str) -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), literal(command)]
}

/// A text that reaches a container's command as it is: Kubernetes would replace `$(NAME)`, and `$$` by `$`.
pub fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn build_port(port: u16) -> ContainerPort {
    ContainerPort {
        container_port: i32::from(port),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn build_probe(role: &ResolvedRole) -> Option<Probe> {
    let port = IntOrString::Int(i32::from(*role.ports.first()?));
    let probe = match &role.health {
        Some(health) => Probe {
            http_get: Some(HTTPGetAction {
                path: Some(health.http.clone()),
                port,
                ..HTTPGetAction::default()
            }),
            ..Probe::default()
        },
        None => Probe { tcp_socket: Some(TCPSocketAction { port, host: None }), ..Probe::default() },
    };
    Some(Probe { period_seconds: Some(1), timeout_seconds: Some(5), failure_threshold: Some(3), ..probe })
}

/// A probe that is content when a port accepts connections.
pub fn build_port_probe(port: i32) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction { port: IntOrString::Int(port), host: None }),
        period_seconds: Some(1),
        timeout_seconds: Some(5),
        failure_threshold: Some(3),
        ..Probe::default()
    }
}
