//! The words of Slipway: its API types, conditions and names, and nothing else.
//!
//! Every kind is namespaced, in group [`GROUP`]. `crdgen` writes them to `generated/`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::CustomResourceExt as _;

pub mod conditions;
pub mod generated;
pub mod names;
pub mod reasons;
pub mod v1alpha1;

/// API group of every kind.
pub const GROUP: &str = "slipway.dev";

/// API version of every kind.
pub const VERSION: &str = "v1alpha1";

/// `status.observedGeneration` of an object that no operator has looked at yet.
pub const UNOBSERVED: i64 = -1;

/// All custom resource definitions, in the order in which they are installed.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let definitions = [
        v1alpha1::Fleet::crd(),
        v1alpha1::ServiceRepo::crd(),
        v1alpha1::ServiceBuild::crd(),
        v1alpha1::DevEnvironment::crd(),
        v1alpha1::GitSync::crd(),
    ];
    definitions.map(with_status_before_the_first_look).into()
}

/// An object that no operator has looked at has a status that says so. Without one, kstatus would call it done.
fn with_status_before_the_first_look(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let properties = schema.and_then(|schema| schema.properties.as_mut());
        if let Some(status) = properties.and_then(|properties| properties.get_mut("status")) {
            status.default = Some(JSON(serde_json::json!({"observedGeneration": UNOBSERVED})));
        }
    }
    definition
}
