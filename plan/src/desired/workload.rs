//! The workload of a service's role: a Deployment, or a `CronJob` where it has a schedule.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use slipway_crds::names;
use slipway_crds::v1alpha1::Machine;

use super::{Identity, Inputs, labels, pod};
use crate::environment::resolve::ResolvedService;
use crate::environment::restart;
use crate::manifest::ResolvedRole;
use crate::object::{Object, ObjectKey, RenderError};
use crate::service_name::ServiceName;

/// Name of the workload: the service's, with the role's where it has several.
pub fn name(service: &ResolvedService, role: &ResolvedRole) -> String {
    role.name.as_ref().map_or_else(|| service.name.to_string(), |role| format!("{}-{role}", service.name))
}

/// Which object the workload of a role is.
pub fn key(identity: &Identity, service: &ResolvedService, role: &ResolvedRole) -> ObjectKey {
    let (api_version, kind) = match role.schedule {
        Some(_) => ("batch/v1", "CronJob"),
        None => ("apps/v1", "Deployment"),
    };
    ObjectKey {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: Some(identity.namespace.clone()),
        name: name(service, role),
    }
}

/// The workload of one role.
pub fn build_workload(
    inputs: &Inputs<'_>,
    machine: &Machine,
    service: &ResolvedService,
    role: &ResolvedRole,
    image: &str,
) -> Result<Object, RenderError> {
    let mut template = pod::build_template(inputs, machine, service, role, image);
    // What starts by a schedule has nothing to restart.
    if role.schedule.is_none() {
        restart::mark(&mut template, service.name.as_str(), inputs.restarts);
    }
    let selector = labels::selector(service.name.as_str(), role.name.as_ref().map(ServiceName::as_str));
    let mut metadata = labels::metadata(inputs.identity, &name(service, role), selector.clone());
    metadata.annotations = Some([(names::COMMIT.to_owned(), service.commit.clone())].into());
    match &role.schedule {
        Some(schedule) => Object::from_typed(&build_cron_job(metadata, schedule, template)),
        None => Object::from_typed(&build_deployment(metadata, selector, role, template)),
    }
}

fn build_deployment(
    metadata: ObjectMeta,
    selector: std::collections::BTreeMap<String, String>,
    role: &ResolvedRole,
    template: PodTemplateSpec,
) -> Deployment {
    let spec = DeploymentSpec {
        replicas: Some(i32::from(role.instances)),
        revision_history_limit: Some(2),
        selector: LabelSelector { match_labels: Some(selector), match_expressions: None },
        template,
        ..DeploymentSpec::default()
    };
    Deployment { metadata, spec: Some(spec), status: None }
}

fn build_cron_job(metadata: ObjectMeta, schedule: &str, template: PodTemplateSpec) -> CronJob {
    let job = JobSpec { backoff_limit: Some(0), template, ..JobSpec::default() };
    let spec = CronJobSpec {
        schedule: schedule.to_owned(),
        concurrency_policy: Some("Forbid".to_owned()),
        job_template: JobTemplateSpec { metadata: None, spec: Some(job) },
        ..CronJobSpec::default()
    };
    CronJob { metadata, spec, status: None }
}
