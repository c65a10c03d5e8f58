//! The Job that builds: one pod, once.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, SecretVolumeSource, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use slipway_crds::names;
use slipway_crds::v1alpha1::FleetSpec;

use super::order::{self, ASSETS_FOLDER, OUTPUT_FOLDER, PUSH_SECRET_FOLDER};
use super::{BUILD_CONTAINER, Making, PUSH_CONTAINER, key, metadata};
use crate::desired::{agent, pod, pull_secret};
use crate::object::{Object, RenderError};

/// Volume between the two containers.
const OUTPUT: &str = "output";
/// Volume with the assets of an older image.
const ASSETS: &str = "assets";
/// Volume with the push Secret.
const PUSH: &str = "push";
/// From the end of a build's time to the end of its pod: enough to say that time was up.
const GRACE_SECONDS: i64 = 60;
/// For how long the pod of a build that is over can be looked into.
const KEPT_SECONDS: i32 = 3_600;

/// The Job.
pub fn build_job(making: &Making<'_>) -> Result<Object, RenderError> {
    let metadata = metadata(making, &key(making.identity));
    let volumes = vec![
        agent::build_program_volume(),
        agent::build_token_volume(names::BUILD_AUDIENCE),
        agent::build_empty_volume(OUTPUT),
    ];
    let spec = PodSpec {
        init_containers: Some(
            [agent::build_installer(making.agent, None)].into_iter().chain(keep_container(making)).collect(),
        ),
        containers: vec![build_container(making), push_container(making)],
        volumes: Some(volumes.into_iter().chain(assets_volume(making)).chain(push_volume(making)).collect()),
        ..base_pod(making.fleet)
    };
    let job = build_once(metadata, spec, order::timeout_seconds(making.fleet) + GRACE_SECONDS);
    Object::from_typed(&job)
}

/// A pod with no API token, no variables of Services, and the nodes' login to registries.
pub(super) fn base_pod(fleet: &FleetSpec) -> PodSpec {
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: pull_secret::references(fleet),
        restart_policy: Some("Never".to_owned()),
        ..PodSpec::default()
    }
}

/// A Job that starts one pod, once, and is ended after this time.
pub(super) fn build_once(metadata: ObjectMeta, pod: PodSpec, seconds: i64) -> Job {
    let template = ObjectMeta {
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        ..ObjectMeta::default()
    };
    let spec = JobSpec {
        backoff_limit: Some(0),
        active_deadline_seconds: Some(seconds),
        ttl_seconds_after_finished: Some(KEPT_SECONDS),
        pod_replacement_policy: Some("Failed".to_owned()),
        template: PodTemplateSpec { metadata: Some(template), spec: Some(pod) },
        ..JobSpec::default()
    };
    Job { metadata, spec: Some(spec), status: None }
}

/// Takes the assets out of an older image, of which nothing else is used: the node pulls it, and only our program runs.
fn keep_container(making: &Making<'_>) -> Option<Container> {
    Some(Container {
        name: "keep-assets".to_owned(),
        image: Some(making.assets_from?.to_owned()),
        command: Some(ordered(agent::PROGRAM, "keep", &order::keep(making))),
        working_dir: Some("/".to_owned()),
        volume_mounts: Some(vec![agent::program_mount(), agent::mount(ASSETS, ASSETS_FOLDER, false)]),
        // What is in an image may be its owner's alone to read.
        security_context: Some(agent::root_inside()),
        ..Container::default()
    })
}

fn assets_volume(making: &Making<'_>) -> Option<Volume> {
    making.assets_from.map(|_| agent::build_empty_volume(ASSETS))
}

/// Runs what the repositories say: root, and nothing to steal but the token for the sources.
fn build_container(making: &Making<'_>) -> Container {
    let image = making.parent.map_or(&making.inputs.base, |parent| &parent.image);
    let mut mounts =
        vec![agent::program_mount(), agent::token_mount(), agent::mount(OUTPUT, OUTPUT_FOLDER, false)];
    mounts.extend(making.assets_from.map(|_| agent::mount(ASSETS, ASSETS_FOLDER, true)));
    Container {
        name: BUILD_CONTAINER.to_owned(),
        image: Some(image.clone()),
        command: Some(ordered(agent::PROGRAM, "build", &order::build(making))),
        working_dir: Some("/".to_owned()),
        resources: Some(making.fleet.builds.resources.clone()),
        volume_mounts: Some(mounts),
        security_context: Some(agent::root_inside()),
        ..Container::default()
    }
}

/// Ours: pushes what the other wrote, and runs nothing of the repositories.
fn push_container(making: &Making<'_>) -> Container {
    let mut mounts = vec![agent::token_mount(), agent::mount(OUTPUT, OUTPUT_FOLDER, true)];
    mounts.extend(push_volume(making).map(|_| agent::mount(PUSH, PUSH_SECRET_FOLDER, true)));
    Container {
        name: PUSH_CONTAINER.to_owned(),
        image: Some(making.agent.image.clone()),
        command: Some(ordered("/slipway-agent", "push", &order::push(making))),
        volume_mounts: Some(mounts),
        security_context: Some(agent::restricted()),
        ..Container::default()
    }
}

fn push_volume(making: &Making<'_>) -> Option<Volume> {
    making.fleet.builds.push_secret.as_ref()?;
    let secret = SecretVolumeSource {
        secret_name: Some(names::PUSH_SECRET.to_owned()),
        ..SecretVolumeSource::default()
    };
    Some(Volume { name: PUSH.to_owned(), secret: Some(secret), ..Volume::default() })
}

fn ordered(program: &str, verb: &str, order: &Value) -> Vec<String> {
    vec![program.to_owned(), verb.to_owned(), pod::literal(&order.to_string())]
}
