//! The copy of the Fleet's pull Secret that the nodes read, in each environment's namespace.

use k8s_openapi::api::core::v1::{LocalObjectReference, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use slipway_crds::names;
use slipway_crds::v1alpha1::FleetSpec;

use super::{Identity, labels};
use crate::object::{Object, Observed, RenderError};
use crate::pull_secret::{self, PullSecret};

/// The copy.
pub fn build_secret(identity: &Identity, secret: &PullSecret) -> Result<Object, RenderError> {
    let metadata = labels::metadata(identity, names::PULL_SECRET, std::collections::BTreeMap::new());
    build_copy(metadata, secret)
}

/// A copy of a Secret for registries.
pub fn build_copy(metadata: ObjectMeta, secret: &PullSecret) -> Result<Object, RenderError> {
    let copy = Secret {
        metadata,
        type_: Some(pull_secret::TYPE.to_owned()),
        data: Some([(pull_secret::KEY.to_owned(), k8s_openapi::ByteString(secret.text().into()))].into()),
        ..Secret::default()
    };
    Object::from_typed(&copy)
}

/// What a pod names, where the Fleet has a pull Secret.
pub fn references(fleet: &FleetSpec) -> Option<Vec<LocalObjectReference>> {
    let reference = LocalObjectReference { name: names::PULL_SECRET.to_owned() };
    fleet.pull_secret.is_some().then(|| vec![reference])
}

/// Whether anything that is there names it: then it may be there, too.
pub fn is_named(observed: &[Observed]) -> bool {
    let names_it = |object: &Observed| {
        let pod = match object.key.kind.as_str() {
            "CronJob" => &object.body["spec"]["jobTemplate"]["spec"]["template"]["spec"],
            _ => &object.body["spec"]["template"]["spec"],
        };
        pod["imagePullSecrets"][0]["name"] == names::PULL_SECRET
    };
    observed.iter().any(names_it)
}
