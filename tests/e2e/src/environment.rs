//! What a `DevEnvironment` says of itself.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use slipway_crds::v1alpha1::{DevEnvironment, IntegrationStatus, IntegrationStep, LockedService};
use slipway_crds::{conditions, names};

/// Name of the namespace in which its pods are.
pub fn namespace(environment: &DevEnvironment) -> Result<String> {
    let record = environment.status.as_ref().and_then(|status| status.namespace.as_ref());
    Ok(record.context("its status records no namespace")?.name.clone())
}

/// What it runs of a service.
pub fn locked<'a>(environment: &'a DevEnvironment, service: &str) -> Option<&'a LockedService> {
    environment.status.as_ref()?.lock.iter().find(|locked| locked.service == service)
}

/// Whether a service is locked at a commit.
pub fn runs(environment: &DevEnvironment, service: &str, commit: &str) -> bool {
    locked(environment, service).is_some_and(|locked| locked.commit.as_deref() == Some(commit))
}

/// A condition of this generation of the spec.
pub fn condition<'a>(environment: &'a DevEnvironment, type_: &str) -> Option<&'a Condition> {
    let status = environment.status.as_ref()?;
    let current = status.observed_generation == environment.metadata.generation;
    conditions::find(&status.conditions, type_).filter(|_| current)
}

/// Whether it is not ready, for this reason.
pub fn is_down_because(environment: &DevEnvironment, reason: &str) -> bool {
    let ready = condition(environment, conditions::READY);
    ready.is_some_and(|ready| ready.status == "False" && ready.reason == reason)
}

/// Whether it has ended for this reason and its namespace is gone.
pub fn has_ended(environment: &DevEnvironment, reason: &str) -> bool {
    let without_namespace = environment.status.as_ref().is_some_and(|status| status.namespace.is_none());
    condition(environment, conditions::ENDED).is_some_and(|ended| ended.reason == reason) && without_namespace
}

/// The integration run of its newest generation.
pub fn run(environment: &DevEnvironment) -> Option<&IntegrationStatus> {
    let run = environment.status.as_ref()?.integration.as_ref()?;
    (Some(run.generation) == environment.metadata.generation).then_some(run)
}

/// The run, once it is over.
pub fn finished(environment: &DevEnvironment) -> Option<&IntegrationStatus> {
    run(environment).filter(|run| run.step == IntegrationStep::Finished)
}

/// The namespaces of an environment that are there, by their labels: whatever its status says.
pub async fn namespaces(client: &kube::Client, fleet_namespace: &str, name: &str) -> Result<Vec<String>> {
    let api: Api<Namespace> = Api::all(client.clone());
    let labels = format!("{}={name},{}={fleet_namespace}", names::ENVIRONMENT, names::FLEET_NAMESPACE);
    let found = api.list(&kube::api::ListParams::default().labels(&labels)).await?;
    Ok(found.into_iter().filter_map(|namespace| namespace.metadata.name).collect())
}
