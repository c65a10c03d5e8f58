//! The stateful pod `local`: the Fleet's stores, a container each, on one persistent volume.

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSecurityContext, PodSpec,
    PodTemplateSpec, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use slipway_crds::names;
use slipway_crds::v1alpha1::{FleetSpec, Store};

use super::{Inputs, labels, pod, pull_secret, variables};
use crate::environment::restart;
use crate::object::{Object, RenderError};

const VOLUME: &str = "data";
/// Group of the volume's files, so that stores which do not run as root can write.
const FILE_GROUP: i64 = 10_001;

/// The stateful pod.
pub fn build_stateful_set(inputs: &Inputs<'_>) -> Result<Object, RenderError> {
    let selector = labels::selector(names::LOCAL, None);
    let spec = StatefulSetSpec {
        replicas: Some(1),
        service_name: Some(names::LOCAL.to_owned()),
        selector: LabelSelector { match_labels: Some(selector.clone()), match_expressions: None },
        template: build_template(inputs),
        persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
            when_deleted: Some("Delete".to_owned()),
            when_scaled: Some("Retain".to_owned()),
        }),
        volume_claim_templates: Some(vec![build_claim(inputs.fleet)]),
        ..StatefulSetSpec::default()
    };
    let metadata = labels::metadata(inputs.identity, names::LOCAL, selector);
    Object::from_typed(&StatefulSet { metadata, spec: Some(spec), status: None })
}

fn build_template(inputs: &Inputs<'_>) -> PodTemplateSpec {
    let mut all = labels::owner(inputs.identity);
    all.extend(labels::selector(names::LOCAL, None));
    all.insert(names::SERVES.to_owned(), names::LOCAL.to_owned());
    let security = PodSecurityContext {
        fs_group: Some(FILE_GROUP),
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        ..PodSecurityContext::default()
    };
    let stores = inputs.fleet.stores.iter();
    let spec = PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        containers: stores.map(|store| build_store(inputs.fleet, store)).collect(),
        image_pull_secrets: pull_secret::references(inputs.fleet),
        security_context: Some(security),
        ..PodSpec::default()
    };
    let metadata = ObjectMeta { labels: Some(all), ..ObjectMeta::default() };
    let mut template = PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) };
    restart::mark(&mut template, names::LOCAL, inputs.restarts);
    template
}

fn build_store(fleet: &FleetSpec, store: &Store) -> Container {
    let port = |port: &i32| ContainerPort {
        container_port: *port,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    let mount = VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: store.data.clone(),
        sub_path: Some(store.name.clone()),
        ..VolumeMount::default()
    };
    Container {
        name: store.name.clone(),
        image: Some(store.image.replace("{registry}", &fleet.registry)),
        command: (!store.command.is_empty()).then(|| store.command.clone()),
        env: (!store.env.is_empty()).then(|| variables::as_list(&store.env)),
        ports: Some(store.ports.iter().map(port).collect()),
        readiness_probe: store.ports.first().copied().map(pod::build_port_probe),
        volume_mounts: Some(vec![mount]),
        ..Container::default()
    }
}

fn build_claim(fleet: &FleetSpec) -> PersistentVolumeClaim {
    let size = [("storage".to_owned(), Quantity(fleet.volume.size.clone()))].into();
    let spec = PersistentVolumeClaimSpec {
        access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
        resources: Some(VolumeResourceRequirements { requests: Some(size), limits: None }),
        storage_class_name: fleet.volume.class.clone(),
        ..PersistentVolumeClaimSpec::default()
    };
    let metadata = ObjectMeta { name: Some(VOLUME.to_owned()), ..ObjectMeta::default() };
    PersistentVolumeClaim { metadata, spec: Some(spec), status: None }
}
