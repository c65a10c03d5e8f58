//! What the agent is told to do, in the words of its `order.rs`; a test of the controller reads them with its types.

use serde_json::{Value, json};
use slipway_crds::v1alpha1::{FleetSpec, Provisioner};

use super::{Making, code, report_url};
use crate::build::inputs::Tags;
use crate::desired::agent::TOKEN_FILE;
use crate::duration;

/// The volume between the two containers, where it is mounted.
pub const OUTPUT_FOLDER: &str = "/slipway-build";
/// The volume with the assets of an older image, where it is mounted.
pub const ASSETS_FOLDER: &str = "/slipway-assets";
/// Where the push Secret is mounted.
pub const PUSH_SECRET_FOLDER: &str = "/var/run/secrets/slipway.dev-push";
/// What is left of a build's time for what comes after provisioning.
const RESERVE_SECONDS: i64 = 60;
/// When a timeout is none, which the schema refuses.
const DEFAULT_SECONDS: i64 = 30 * 60;

/// For `slipway-agent build`.
pub fn build(making: &Making<'_>) -> Value {
    let mut order = json!({
        "identity": identity(making),
        "sources": {"url": sources_url(making), "tokenFile": TOKEN_FILE},
        "folders": {"service": code(making.manifest)},
        "provisioner": provisioning(making.fleet),
        "newest": making.newest,
        "output": OUTPUT_FOLDER,
    });
    if !making.manifest.assets.is_empty() {
        order["assets"] = json!(true);
    }
    if making.assets_from.is_some() {
        order["kept"] = json!(ASSETS_FOLDER);
    }
    order
}

/// For `slipway-agent keep`.
pub fn keep(making: &Making<'_>) -> Value {
    json!({"folders": {"service": code(making.manifest)}, "to": ASSETS_FOLDER})
}

/// For `slipway-agent push`.
pub fn push(making: &Making<'_>) -> Value {
    let tags = Tags::of(&making.fleet.registry, making.service, making.inputs);
    let base = making.parent.map_or(&making.inputs.base, |parent| &parent.image);
    let mut order = json!({
        "identity": identity(making),
        "input": OUTPUT_FOLDER,
        "base": base,
        "target": tags.candidate,
        "source": making.source,
        "newest": making.newest,
        "plainHttpRegistries": making.plain_http,
        "report": {"url": report_url(making.agent, making.identity), "tokenFile": TOKEN_FILE},
        "waitSeconds": timeout_seconds(making.fleet),
    });
    if let Some(parent) = making.parent {
        order["parent"] = json!({"commit": parent.commit, "depth": parent.depth});
    }
    if making.fleet.builds.push_secret.is_some() {
        order["credentials"] = json!(format!("{PUSH_SECRET_FOLDER}/{}", crate::pull_secret::KEY));
    }
    order
}

/// How long a build may take.
pub fn timeout_seconds(fleet: &FleetSpec) -> i64 {
    duration::parse(&fleet.builds.timeout).map_or(DEFAULT_SECONDS, |timeout| timeout.as_secs()).max(1)
}

fn identity(making: &Making<'_>) -> Value {
    let (service, inputs) = (making.service, making.inputs);
    json!({"service": service, "serviceSha": inputs.commit, "opsSha": inputs.ops_commit})
}

fn sources_url(making: &Making<'_>) -> String {
    let (base, namespace) = (making.agent.url.trim_end_matches('/'), &making.identity.fleet_namespace);
    format!("{base}/v1/sources/{namespace}/{}", making.service)
}

/// The Fleet's provisioner; it has the build's time but for a reserve.
pub fn provisioning(fleet: &FleetSpec) -> Value {
    let whole = timeout_seconds(fleet);
    let seconds = (whole - RESERVE_SECONDS).max(whole / 2);
    json!({"with": with(&fleet.provisioner), "timeoutSeconds": seconds})
}

fn with(provisioner: &Provisioner) -> Value {
    if let Some(command) = &provisioner.command {
        return json!({"command": command});
    }
    let salt = provisioner.salt.clone().unwrap_or_default();
    json!({"salt": {"states": salt.states, "pillar": salt.pillar, "apply": salt.apply}})
}
