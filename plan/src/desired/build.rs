//! What a build means in Kubernetes objects: a namespace that all builds of a fleet share, and in it a Job that builds
//! and a Job of the unit tests.
//!
//! ```text
//! Job of a build                                    Job of its unit tests
//!   install-agent  the agent's image, restricted      install-agent
//!   keep-assets    an older image, only where a full
//!                  build takes assets over
//!   build          base or parent image, root,        tests   the candidate by digest
//!                  no secret, writes the layer ─┐
//!   push           the agent's image, has the   │
//!                  push Secret, pushes it    ◄──┘
//! ```

mod failed;
mod job;
mod order;
mod room;
mod unit;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sha2::{Digest as _, Sha256};
use slipway_crds::names;
use slipway_crds::v1alpha1::{BuildInputs, BuildParent, FleetSpec};

use super::Identity;
use super::integration::AgentSettings;
use crate::manifest::Manifest;
use crate::object::ObjectKey;
use crate::service_name::ServiceName;

pub use failed::{HELD_SECONDS, Looking, build_failed_job};
pub use job::build_job;
pub use order::{provisioning, timeout_seconds};
pub use room::build_room;
pub use unit::{GRACE_SECONDS as UNIT_GRACE_SECONDS, build_unit_job, seconds as unit_seconds, unit_run};

/// Names of the containers of a build's pod.
pub const BUILD_CONTAINER: &str = "build";
/// The container that pushes.
pub const PUSH_CONTAINER: &str = "push";
/// Where the code of a service is in its image, unless its manifest says otherwise.
pub const CODE: &str = "/srv/service";
/// A namespace's name has so many characters at most.
const LONGEST: usize = 63;

/// A build that is made.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    /// Names of the `ServiceBuild`, and the namespace of its pods.
    pub identity: &'a Identity,
    /// The Fleet.
    pub fleet: &'a FleetSpec,
    /// The service.
    pub service: &'a ServiceName,
    /// What it says of itself at the commit.
    pub manifest: &'a Manifest,
    /// What is built.
    pub inputs: &'a BuildInputs,
    /// The image that it starts from instead of the base.
    pub parent: Option<&'a BuildParent>,
    /// The image whose assets it may take over, where it starts from the base.
    pub assets_from: Option<&'a str>,
    /// Time of the newer of both commits, in seconds since 1970.
    pub newest: i64,
    /// URL of the service's repository, without credentials.
    pub source: &'a str,
    /// Registries that are spoken to over plain HTTP, as host:port.
    pub plain_http: &'a [String],
    /// Where the agent comes from, and where the operator is.
    pub agent: &'a AgentSettings,
}

/// Namespace of the builds of a fleet.
pub fn namespace(fleet_namespace: &str, fleet: &FleetSpec) -> String {
    if let Some(namespace) = &fleet.builds.namespace {
        return namespace.clone();
    }
    let whole = format!("build-{fleet_namespace}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let sum = Sha256::digest(fleet_namespace);
    let suffix = format!("-{:02x}{:02x}{:02x}", sum[0], sum[1], sum[2]);
    let cut = whole.get(..LONGEST - suffix.len()).unwrap_or(&whole).trim_end_matches('-');
    format!("{cut}{suffix}")
}

/// What all builds of a fleet share is owned by none of them: this stands for the fleet, whatever Fleet object there is.
pub fn fleet_uid(fleet_namespace: &str) -> String {
    let sum = Sha256::digest(format!("builds of {fleet_namespace}"));
    sum[..8].iter().fold("fleet-".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Which object the Job is that builds.
pub fn key(identity: &Identity) -> ObjectKey {
    job_key(identity, identity.name.clone())
}

/// Which object the Job of the unit tests is.
pub fn unit_key(identity: &Identity) -> ObjectKey {
    job_key(identity, format!("{}-unit", identity.name))
}

fn job_key(identity: &Identity, name: String) -> ObjectKey {
    let namespace = Some(identity.namespace.clone());
    ObjectKey { api_version: "batch/v1".to_owned(), kind: "Job".to_owned(), namespace, name }
}

/// Where the code of a service is in its image.
pub fn code(manifest: &Manifest) -> &str {
    manifest.run.mount.as_deref().unwrap_or(CODE)
}

/// Where a build tells how far it is, and how it ended.
pub fn report_url(agent: &AgentSettings, identity: &Identity) -> String {
    let (base, namespace, name) =
        (agent.url.trim_end_matches('/'), &identity.fleet_namespace, &identity.name);
    format!("{base}/v1/builds/{namespace}/{name}")
}

/// Labels of all that is of one build.
pub fn labels(identity: &Identity) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/managed-by", "slipway"),
        (names::BUILDS, &identity.fleet_namespace),
        (names::BUILD, &identity.name),
        (names::OWNER_UID, &identity.uid),
    ]
    .map(|(label, value)| (label.to_owned(), value.to_owned()))
    .into()
}

fn metadata(making: &Making<'_>, key: &ObjectKey) -> ObjectMeta {
    let mut labels = labels(making.identity);
    labels.insert(names::SERVICE.to_owned(), making.service.to_string());
    ObjectMeta {
        name: Some(key.name.clone()),
        namespace: key.namespace.clone(),
        labels: Some(labels),
        annotations: Some([(names::COMMIT.to_owned(), making.inputs.commit.clone())].into()),
        ..ObjectMeta::default()
    }
}
