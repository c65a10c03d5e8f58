//! What an environment means in Kubernetes objects.

pub mod agent;
pub mod build;
mod fat;
pub mod integration;
pub mod labels;
pub mod local;
pub mod namespace;
pub mod network;
pub mod network_policy;
pub mod pod;
pub mod pull_secret;
pub mod variables;
pub mod workload;

use std::collections::{BTreeMap, BTreeSet};

use slipway_crds::v1alpha1::{DevEnvironmentSpec, FleetSpec, Machine};

use crate::environment::resolve::{FoundDigest, Problem, Resolved, ResolvedService};
use crate::environment::restart::Restarts;
use crate::object::{Object, ObjectKey, RenderError};
use crate::pull_secret::PullSecret;
use crate::service_name::ServiceName;

/// Which environment objects are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Namespace of the `DevEnvironment` and its Fleet.
    pub fleet_namespace: String,
    /// Name of the `DevEnvironment`.
    pub name: String,
    /// UID of the `DevEnvironment`.
    pub uid: String,
    /// Namespace of the environment's pods.
    pub namespace: String,
}

/// The addresses that are fixed so far.
pub type Addresses = BTreeMap<ServiceName, String>;

/// What should be in the environment's namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// Declared objects, in the order in which they are made.
    pub objects: Vec<Object>,
    /// Objects that stay as they are: their new image does not exist yet.
    pub kept: BTreeSet<ObjectKey>,
}

/// What an environment is built from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Which environment.
    pub identity: &'a Identity,
    /// The Fleet.
    pub fleet: &'a FleetSpec,
    /// The environment's spec.
    pub spec: &'a DevEnvironmentSpec,
    /// What it runs.
    pub resolved: &'a Resolved,
    /// The addresses that are fixed so far.
    pub addresses: &'a Addresses,
    /// Where its results are delivered to.
    pub agent: &'a integration::AgentSettings,
    /// Who its nodes are to registries.
    pub pull_secret: Option<&'a PullSecret>,
    /// Which services were asked to restart.
    pub restarts: &'a Restarts,
}

/// The objects of the environment.
pub fn build(inputs: &Inputs<'_>, machine: &Machine) -> Result<Desired, RenderError> {
    let mut desired = Desired::default();
    // First of all who may talk to whom, and what images are pulled with.
    desired.objects.extend(network_policy::build(inputs)?);
    if let Some(secret) = inputs.pull_secret {
        desired.objects.push(pull_secret::build_secret(inputs.identity, secret)?);
    }
    let Resolved { local, services, under_test: _ } = inputs.resolved;
    if *local {
        desired.objects.extend(network::build_local_service(inputs)?);
        desired.objects.push(local::build_stateful_set(inputs)?);
    }
    // Services before workloads: a name that a pod looks up at its start is there.
    for service in services {
        desired.objects.extend(network::build_service(inputs, service)?);
    }
    for service in services {
        build_service_workloads(inputs, machine, service, &mut desired)?;
    }
    Ok(desired)
}

fn build_service_workloads(
    inputs: &Inputs<'_>,
    machine: &Machine,
    service: &ResolvedService,
    desired: &mut Desired,
) -> Result<(), RenderError> {
    for role in service.manifest.resolved_roles() {
        match &service.image {
            // What it is built of cannot be found out at the moment: it stays as it is.
            FoundDigest::Image(_) if service.manifest.image.is_none() && service.inputs.is_none() => {
                desired.kept.insert(workload::key(inputs.identity, service, &role));
            }
            FoundDigest::Image(image) => {
                desired.objects.push(workload::build_workload(inputs, machine, service, &role, image)?);
            }
            FoundDigest::Missing | FoundDigest::Unknown(_) | FoundDigest::NotBuilt(_) => {
                desired.kept.insert(workload::key(inputs.identity, service, &role));
            }
        }
    }
    Ok(())
}

/// The machine that a label names, or one without demands.
pub fn machine(fleet: &FleetSpec, label: Option<&str>) -> Result<Machine, Problem> {
    let Some(label) = label else {
        let (name, resources) = (String::new(), k8s_openapi::api::core::v1::ResourceRequirements::default());
        return Ok(Machine { name, resources, node_selector: BTreeMap::new() });
    };
    let found = fleet.machines.iter().find(|machine| machine.name == label).cloned();
    found.ok_or_else(|| Problem::UnknownMachine(label.to_owned()))
}
