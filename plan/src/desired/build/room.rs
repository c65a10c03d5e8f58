//! What all builds of a fleet share: their namespace, who they may talk to, and the logins of registries.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use slipway_crds::names;
use slipway_crds::v1alpha1::FleetSpec;

use super::fleet_uid;
use crate::desired::Identity;
use crate::desired::integration::AgentSettings;
use crate::desired::{network_policy, pull_secret};
use crate::object::{Object, RenderError};
use crate::pull_secret::PullSecret;

/// Name of the policy of all pods.
const POLICY: &str = "builds";

/// The namespace and what is in it beside Jobs, in the order in which it is made. Secrets of which there are none are left out.
pub fn build_room(
    identity: &Identity,
    fleet: &FleetSpec,
    agent: &AgentSettings,
    pull: Option<&PullSecret>,
    push: Option<&PullSecret>,
) -> Result<Vec<Object>, RenderError> {
    let mut room = vec![build_namespace(identity)?, build_policy(identity, fleet, agent)?];
    for (name, secret) in [(names::PULL_SECRET, pull), (names::PUSH_SECRET, push)] {
        if let Some(secret) = secret {
            room.push(pull_secret::build_copy(metadata(identity, name), secret)?);
        }
    }
    Ok(room)
}

/// Pod security *baseline*: config management is root inside its container.
fn build_namespace(identity: &Identity) -> Result<Object, RenderError> {
    let mut metadata = metadata(identity, &identity.namespace);
    metadata.namespace = None;
    let security = ("pod-security.kubernetes.io/enforce".to_owned(), "baseline".to_owned());
    metadata.labels.get_or_insert_default().extend([security]);
    Object::from_typed(&Namespace { metadata, ..Namespace::default() })
}

/// Nobody gets in. Out to names, the internet for packages, the operator, and what the Fleet opens.
fn build_policy(
    identity: &Identity,
    fleet: &FleetSpec,
    agent: &AgentSettings,
) -> Result<Object, RenderError> {
    let opened: Vec<String> = fleet.network.egress.iter().chain(&fleet.builds.egress).cloned().collect();
    let mut egress = network_policy::outward(&opened);
    egress.extend(network_policy::to_operator(agent));
    let spec = NetworkPolicySpec {
        pod_selector: Some(LabelSelector::default()),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        ingress: None,
        egress: Some(egress),
    };
    Object::from_typed(&NetworkPolicy { metadata: metadata(identity, POLICY), spec: Some(spec) })
}

fn metadata(identity: &Identity, name: &str) -> ObjectMeta {
    let uid = fleet_uid(&identity.fleet_namespace);
    let labels = [
        ("app.kubernetes.io/managed-by", "slipway"),
        (names::BUILDS, &identity.fleet_namespace),
        (names::OWNER_UID, &uid),
    ];
    let labels: BTreeMap<_, _> =
        labels.map(|(label, value): (&str, &str)| (label.to_owned(), value.to_owned())).into();
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(identity.namespace.clone()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}
