//! The Job of an integration run: the tests' command in the service's own image, wrapped by the agent.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use slipway_crds::names;
use slipway_crds::v1alpha1::{FleetSpec, IntegrationStatus, IntegrationStep, Machine};

use super::{Desired, Identity, Inputs, agent, labels, pod, variables};
use crate::environment::resolve::{FoundDigest, Problem, Resolved, ResolvedService};
use crate::object::{Object, ObjectKey, RenderError};

/// Name of the container in which the tests run.
pub const CONTAINER: &str = "tests";

/// Where the agent comes from and where it delivers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSettings {
    /// Image of the agent.
    pub image: String,
    /// The operator, by address and without a path: the agent resolves no names. Example: `http://10.96.3.7:8080`.
    pub url: String,
}

/// Which object the Job of a generation is; its name makes two requests one Job.
pub fn key(identity: &Identity, generation: i64) -> ObjectKey {
    ObjectKey {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        namespace: Some(identity.namespace.clone()),
        name: name(generation),
    }
}

/// Name of the Job of a generation.
pub fn name(generation: i64) -> String {
    format!("integration-{generation}")
}

/// The machine that the label of the integration block names.
pub fn machine(fleet: &FleetSpec, resolved: &Resolved) -> Result<Machine, Problem> {
    let integration = resolved.under_test.as_ref().and_then(|service| service.manifest.integration.as_ref());
    super::machine(fleet, integration.and_then(|block| block.label.as_deref()))
}

/// Adds what a run needs to what is desired: its Job is made while it starts, and only then; while it runs it stays
/// as it is, and is not made again if it goes.
pub fn build_run(
    inputs: &Inputs<'_>,
    status: &IntegrationStatus,
    machine: &Machine,
    desired: &mut Desired,
) -> Result<(), RenderError> {
    let Some(under_test) = &inputs.resolved.under_test else { return Ok(()) };
    match (status.step, &under_test.image) {
        (IntegrationStep::Starting, FoundDigest::Image(image)) => {
            desired.objects.push(build_job(inputs, under_test, image, machine, status.generation)?);
        }
        (IntegrationStep::Starting | IntegrationStep::Running, _) => {
            desired.kept.insert(key(inputs.identity, status.generation));
        }
        (IntegrationStep::Preparing | IntegrationStep::Finished, _) => {}
    }
    Ok(())
}

/// The Job of one run. It starts one pod, once.
pub fn build_job(
    inputs: &Inputs<'_>,
    under_test: &ResolvedService,
    image: &str,
    machine: &Machine,
    generation: i64,
) -> Result<Object, RenderError> {
    let Inputs { identity, agent: settings, .. } = *inputs;
    let run = BTreeMap::from([(names::RUN_GENERATION.to_owned(), generation.to_string())]);
    let mut metadata = labels::metadata(identity, &name(generation), run);
    metadata.annotations = Some([(names::COMMIT.to_owned(), under_test.commit.clone())].into());
    let template_metadata = ObjectMeta {
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        ..ObjectMeta::default()
    };
    let resources = (machine.resources != ResourceRequirements::default()).then(|| machine.resources.clone());
    let tests = Container {
        name: CONTAINER.to_owned(),
        image: Some(image.to_owned()),
        command: Some(command(under_test, &delivery_url(settings, identity, generation))),
        working_dir: under_test.manifest.run.mount.clone(),
        env: Some(variables::of_service(inputs, under_test, &under_test.manifest.run.env)),
        volume_mounts: Some(vec![agent::program_mount(), agent::token_mount()]),
        resources: resources.clone(),
        ..Container::default()
    };
    let mut spec = pod::build_pod(inputs.fleet, machine, tests);
    spec.restart_policy = Some("Never".to_owned());
    spec.init_containers = Some(vec![agent::build_installer(settings, resources)]);
    spec.volumes = Some(vec![agent::build_program_volume(), agent::build_token_volume(names::RUN_AUDIENCE)]);
    let spec = JobSpec {
        backoff_limit: Some(0),
        pod_replacement_policy: Some("Failed".to_owned()),
        template: PodTemplateSpec { metadata: Some(template_metadata), spec: Some(spec) },
        ..JobSpec::default()
    };
    Object::from_typed(&Job { metadata, spec: Some(spec), status: None })
}

fn delivery_url(agent: &AgentSettings, identity: &Identity, generation: i64) -> String {
    let (base, namespace, name) =
        (agent.url.trim_end_matches('/'), &identity.fleet_namespace, &identity.name);
    format!("{base}/v1/runs/{namespace}/{name}/{generation}")
}

fn command(under_test: &ResolvedService, url: &str) -> Vec<String> {
    let integration = under_test.manifest.integration.as_ref();
    let glob = integration.and_then(|block| block.reports.junit.as_deref());
    agent::run(url, glob, integration.map_or("", |block| &block.cmd))
}

#[cfg(test)]
mod tests;
