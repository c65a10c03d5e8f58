//! The Job in which a person looks into an image whose unit tests failed: a pod like that of the tests, but for the agent and
//! its token, and nobody tells the operator anything. It is made with the person's own rights.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use slipway_crds::names;
use slipway_crds::v1alpha1::{BuildInputs, FleetSpec, UnitRun};

use super::job::{base_pod, build_once};
use super::unit;
use crate::desired::variables;

/// After this time the pod ends, whoever is in it.
pub const HELD_SECONDS: i64 = 3_600;

/// What is looked into.
#[derive(Clone, Copy, Debug)]
pub struct Looking<'a> {
    /// Name of the Job.
    pub name: &'a str,
    /// Namespace of the build's pods.
    pub namespace: &'a str,
    /// Name of the `ServiceBuild`.
    pub build: &'a str,
    /// The service.
    pub service: &'a str,
    /// What the image is made of.
    pub inputs: &'a BuildInputs,
    /// The image by digest.
    pub image: &'a str,
    /// How its unit tests were run; not recorded of builds that an older operator made.
    pub run: Option<&'a UnitRun>,
}

/// The Job. Its container waits, for at most [`HELD_SECONDS`]. When it has ended, Kubernetes removes it by itself. It lacks the labels
/// of a build: the operator neither counts nor ends it.
pub fn build_failed_job(looking: &Looking<'_>, fleet: &FleetSpec) -> Job {
    let Looking { inputs, run, .. } = looking;
    let env = run.map_or_else(|| unit::identity(looking.service, inputs), |run| run.env.clone());
    let container = Container {
        name: looking.service.to_owned(),
        image: Some(looking.image.to_owned()),
        command: Some(["/bin/sh", "-c", &wait()].map(str::to_owned).into()),
        working_dir: run.map(|run| run.folder.clone()),
        env: Some(variables::as_list(&env)),
        ..Container::default()
    };
    let spec =
        PodSpec { containers: vec![container], termination_grace_period_seconds: Some(1), ..base_pod(fleet) };
    let Job { metadata, spec, status } = build_once(metadata(looking), spec, HELD_SECONDS);
    let spec = spec.map(|spec| JobSpec { ttl_seconds_after_finished: Some(0), ..spec });
    Job { metadata, spec, status }
}

/// The first process of a container hears of its end only when it says that it wants to.
fn wait() -> String {
    format!("trap 'exit 0' TERM; sleep {HELD_SECONDS} & wait")
}

fn metadata(looking: &Looking<'_>) -> ObjectMeta {
    let labels: BTreeMap<_, _> = [
        ("app.kubernetes.io/managed-by", "slipway"),
        (names::FAILED_BUILD, looking.build),
        (names::SERVICE, looking.service),
    ]
    .map(|(label, value)| (label.to_owned(), value.to_owned()))
    .into();
    let annotations = [
        (names::COMMIT, looking.inputs.commit.as_str()),
        (names::OPS_COMMIT, &looking.inputs.ops_commit),
        (names::MADE_BY, "slipway exec --failed"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    ObjectMeta {
        name: Some(looking.name.to_owned()),
        namespace: Some(looking.namespace.to_owned()),
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}
