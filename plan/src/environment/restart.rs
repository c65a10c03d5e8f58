//! Restarts without a new commit: a person asks by annotation, and the pods' template carries the time.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;

/// When each service was last asked to restart, as it was written.
pub type Restarts = BTreeMap<String, String>;

/// The restarts that an environment's annotations ask for.
pub fn asked(environment: &DevEnvironment) -> Restarts {
    let of_service = |(key, time): (&String, &String)| {
        Some((key.strip_prefix(names::RESTARTED_AT_PREFIX)?.to_owned(), time.clone()))
    };
    environment.annotations().iter().filter_map(of_service).collect()
}

/// The annotation by which a service is asked to restart.
pub fn annotation(service: &str) -> String {
    format!("{}{service}", names::RESTARTED_AT_PREFIX)
}

/// Writes a service's last restart into the template of its pods: another template means other pods.
pub fn mark(template: &mut PodTemplateSpec, service: &str, restarts: &Restarts) {
    if let Some(time) = restarts.get(service) {
        let annotations = template.metadata.get_or_insert_default().annotations.get_or_insert_default();
        annotations.insert(names::RESTARTED_AT.to_owned(), time.clone());
    }
}
