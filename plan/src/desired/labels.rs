//! The labels by which an environment's objects are known.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use slipway_crds::names;

use super::Identity;

/// Labels of every object of the environment.
pub fn owner(identity: &Identity) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/managed-by", "slipway"),
        (names::ENVIRONMENT, &identity.name),
        (names::FLEET_NAMESPACE, &identity.fleet_namespace),
        (names::OWNER_UID, &identity.uid),
    ]
    .map(|(label, value)| (label.to_owned(), value.to_owned()))
    .into()
}

/// Labels that choose the pods of one service and role.
pub fn selector(service: &str, role: Option<&str>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([(names::SERVICE.to_owned(), service.to_owned())]);
    labels.extend(role.map(|role| (names::ROLE.to_owned(), role.to_owned())));
    labels
}

/// Metadata of an object in the environment's namespace.
pub fn metadata(identity: &Identity, name: &str, more: BTreeMap<String, String>) -> ObjectMeta {
    let mut labels = owner(identity);
    labels.extend(more);
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(identity.namespace.clone()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}
