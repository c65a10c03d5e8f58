//! The Job of the unit tests: an ordinary pod of the new image.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use slipway_crds::names;
use slipway_crds::v1alpha1::{BuildInputs, FleetSpec, UnitRun};

use super::job::{base_pod, build_once};
use super::{Making, code, metadata, report_url, unit_key};
use crate::desired::{agent, variables};
use crate::duration;
use crate::manifest::{Manifest, UnitTests};
use crate::object::{Object, RenderError};
use crate::service_name::ServiceName;

/// How long unit tests may take that do not say it.
pub const DEFAULT_SECONDS: i64 = 10 * 60;
/// From the end of their time to the end of their pod: it has to be pulled, and to deliver.
pub const GRACE_SECONDS: i64 = 300;

/// The Job: the tests run in this image, which is named by digest.
pub fn build_unit_job(making: &Making<'_>, tests: &UnitTests, image: &str) -> Result<Object, RenderError> {
    let url = format!("{}/unit", report_url(making.agent, making.identity));
    let run = unit_run(making.fleet, making.service, making.manifest, making.inputs, tests);
    let container = Container {
        name: "tests".to_owned(),
        image: Some(image.to_owned()),
        command: Some(agent::run(&url, tests.reports.junit.as_deref(), &run.command)),
        working_dir: Some(run.folder),
        env: Some(variables::as_list(&run.env)),
        resources: Some(making.fleet.builds.resources.clone()),
        volume_mounts: Some(vec![agent::program_mount(), agent::token_mount()]),
        ..Container::default()
    };
    let spec = PodSpec {
        init_containers: Some(vec![agent::build_installer(making.agent, None)]),
        containers: vec![container],
        volumes: Some(vec![agent::build_program_volume(), agent::build_token_volume(names::BUILD_AUDIENCE)]),
        ..base_pod(making.fleet)
    };
    let metadata = metadata(making, &unit_key(making.identity));
    Object::from_typed(&build_once(metadata, spec, seconds(tests) + GRACE_SECONDS))
}

/// How long the tests may take.
pub fn seconds(tests: &UnitTests) -> i64 {
    let declared = tests.timeout.as_deref().and_then(|timeout| duration::parse(timeout).ok());
    declared.map_or(DEFAULT_SECONDS, |timeout| timeout.as_secs())
}

/// How the tests are run.
pub fn unit_run(
    fleet: &FleetSpec,
    service: &ServiceName,
    manifest: &Manifest,
    inputs: &BuildInputs,
    tests: &UnitTests,
) -> UnitRun {
    let mut env = fleet.env.clone();
    env.extend(manifest.run.env.clone());
    env.extend(identity(service.as_str(), inputs));
    UnitRun { command: tests.command.clone(), folder: code(manifest).to_owned(), env }
}

/// What every process of an image is told of where it comes from.
pub(super) fn identity(service: &str, inputs: &BuildInputs) -> BTreeMap<String, String> {
    [("SERVICE", service), ("SERVICE_SHA", &inputs.commit), ("OPS_SHA", &inputs.ops_commit)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
