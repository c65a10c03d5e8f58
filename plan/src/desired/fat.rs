//! The pod of a service whose image is built: the agent is its first process.
//!
//! ```text
//! install-agent  the agent's image, restricted
//! <service>      the built image, root inside, no secret:  agent init ORDER
//!                image's commits ─► wanted commits ─► runit ─► checks ─► record ─► startup probe passes
//! ```
//! The token is for the sources of this one pod, and for telling how the start went.

use k8s_openapi::api::core::v1::{Container, EnvVar, ExecAction, PodTemplateSpec, Probe};
use serde_json::{Value, json};
use slipway_crds::names;
use slipway_crds::v1alpha1::BuildInputs;

use super::{Inputs, agent, build, pod};
use crate::environment::resolve::ResolvedService;
use crate::manifest::ResolvedRole;

/// Where the agent writes how the start went.
const RECORD: &str = "/run/slipway/start.json";
/// How long the processes of a service may take to end, and how long until the kubelet ends them.
const GRACE_SECONDS: i64 = 25;
const KILL_SECONDS: i64 = 30;
/// How long services may take until their checks pass.
const CHECKS_SECONDS: i64 = 120;
/// How long sources may take to come; the agent gives up before that.
const FETCH_SECONDS: i64 = 300;

/// Makes the agent the first process of a role's pod.
pub fn dress(
    inputs: &Inputs<'_>,
    service: &ResolvedService,
    role: &ResolvedRole,
    built: &BuildInputs,
    template: &mut PodTemplateSpec,
) {
    let metadata = template.metadata.get_or_insert_default();
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(names::OPS_COMMIT.to_owned(), built.ops_commit.clone());
    metadata.labels.get_or_insert_default().insert(names::BUILT.to_owned(), service.name.to_string());
    let Some(spec) = &mut template.spec else { return };
    let resources = spec.containers.first().and_then(|container| container.resources.clone());
    spec.init_containers = Some(vec![agent::build_installer(inputs.agent, resources)]);
    spec.volumes =
        Some(vec![agent::build_program_volume(), agent::build_token_volume(names::BUILD_AUDIENCE)]);
    spec.termination_grace_period_seconds = Some(KILL_SECONDS);
    let order = order(inputs, service, role, built);
    for container in &mut spec.containers {
        dress_container(inputs, role, built, &order, container);
    }
}

fn dress_container(
    inputs: &Inputs<'_>,
    role: &ResolvedRole,
    built: &BuildInputs,
    order: &Value,
    container: &mut Container,
) {
    container.command =
        Some(vec![agent::PROGRAM.to_owned(), "init".to_owned(), pod::literal(&order.to_string())]);
    container.working_dir = Some("/".to_owned());
    container.security_context = Some(agent::root_inside());
    container.volume_mounts = Some(vec![agent::program_mount(), agent::token_mount()]);
    container.startup_probe = role.schedule.is_none().then(|| startup_probe(inputs));
    container.env.get_or_insert_default().push(EnvVar {
        name: "OPS_SHA".to_owned(),
        value: Some(built.ops_commit.clone()),
        value_from: None,
    });
}

/// Nothing is asked of the service before its agent says that it is up. One that does not come up ends its container by
/// itself, and says why: the probe waits for longer than that takes.
fn startup_probe(inputs: &Inputs<'_>) -> Probe {
    let command = [agent::PROGRAM, "started", RECORD].map(str::to_owned);
    let most = build::timeout_seconds(inputs.fleet) + CHECKS_SECONDS + 2 * FETCH_SECONDS;
    Probe {
        exec: Some(ExecAction { command: Some(command.into()) }),
        period_seconds: Some(1),
        timeout_seconds: Some(5),
        failure_threshold: Some(i32::try_from(most).unwrap_or(i32::MAX)),
        ..Probe::default()
    }
}

/// In the words of the agent's `order.rs`; a test of the controller reads it with its types.
fn order(inputs: &Inputs<'_>, service: &ResolvedService, role: &ResolvedRole, built: &BuildInputs) -> Value {
    let (base, fleet) = (inputs.agent.url.trim_end_matches('/'), &inputs.identity.fleet_namespace);
    let (name, environment) = (&service.name, &inputs.identity.name);
    let mut order = json!({
        "identity": {"service": name, "serviceSha": built.commit, "opsSha": built.ops_commit},
        "sources": {"url": format!("{base}/v1/sources/{fleet}/{name}"), "tokenFile": agent::TOKEN_FILE},
        "folders": {"service": build::code(&service.manifest)},
        "provisioner": build::provisioning(inputs.fleet),
        "checksSeconds": CHECKS_SECONDS,
        "graceSeconds": GRACE_SECONDS,
        "record": RECORD,
        "report": {"url": format!("{base}/v1/starts/{fleet}/{environment}/{name}"), "tokenFile": agent::TOKEN_FILE},
    });
    if !service.manifest.assets.is_empty() {
        order["assets"] = json!(true);
    }
    if let Some(command) = &role.command {
        let how = if role.schedule.is_some() { "once" } else { "service" };
        order["instead"] = json!({how: command});
    }
    order
}
