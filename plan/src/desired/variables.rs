//! Environment variables: the Fleet's, then the service's, then the environment's own win.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;

use super::Inputs;
use crate::environment::resolve::ResolvedService;

/// The variables of one container of a service. `SERVICE`, `SERVICE_SHA` and `ENVIRONMENT` are always set.
pub fn of_service(
    inputs: &Inputs<'_>,
    service: &ResolvedService,
    own: &BTreeMap<String, String>,
) -> Vec<EnvVar> {
    let mut variables = inputs.fleet.env.clone();
    variables.extend(own.clone());
    variables.extend(inputs.spec.env.clone());
    variables.extend([
        ("SERVICE".to_owned(), service.name.to_string()),
        ("SERVICE_SHA".to_owned(), service.commit.clone()),
        ("ENVIRONMENT".to_owned(), inputs.identity.name.clone()),
    ]);
    as_list(&variables)
}

/// Variables as Kubernetes lists them, in alphabetical order.
pub fn as_list(variables: &BTreeMap<String, String>) -> Vec<EnvVar> {
    let variable = |(name, value): (&String, &String)| EnvVar {
        name: name.clone(),
        value: Some(value.clone()),
        value_from: None,
    };
    variables.iter().map(variable).collect()
}
