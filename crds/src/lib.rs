//! The words of Slipway: its API types, conditions and names, and nothing else.
//!
//! Every kind is namespaced, in group [`GROUP`]. `crdgen` writes them to `generated/`.

pub mod conditions;
pub mod generated;
pub mod names;
pub mod reasons;
pub mod v1alpha1;

/// API group of every kind.
pub const GROUP: &str = "slipway.dev";

/// API version of every kind.
pub const VERSION: &str = "v1alpha1";

/// All custom resource definitions, in the order in which they are installed.
pub fn definitions()
-> Vec<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> {
    use kube::CustomResourceExt as _;
    vec![
        v1alpha1::Fleet::crd(),
        v1alpha1::ServiceRepo::crd(),
        v1alpha1::DevEnvironment::crd(),
        v1alpha1::GitSync::crd(),
    ]
}
