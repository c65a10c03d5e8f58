//! The objects of an environment without what differs from one environment to the next: two can be compared.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Service};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use slipway_crds::v1alpha1::DevEnvironment;

use crate::environment;
use crate::waiting::Watched;

/// Metadata that no two objects share.
const OWN_METADATA: [&str; 4] = ["uid", "resourceVersion", "creationTimestamp", "managedFields"];

/// Objects by kind and name, as declared, and the environment's status.
pub type Picture = BTreeMap<String, Value>;

/// What there is of an environment.
pub async fn picture(client: &Client, environment: &DevEnvironment) -> Result<Picture> {
    let namespace = environment::namespace(environment)?;
    let mut picture = Picture::new();
    add(&mut picture, "Service", Api::<Service>::namespaced(client.clone(), &namespace)).await?;
    add(&mut picture, "StatefulSet", Api::<StatefulSet>::namespaced(client.clone(), &namespace)).await?;
    add(&mut picture, "Deployment", Api::<Deployment>::namespaced(client.clone(), &namespace)).await?;
    add_claims(&mut picture, client, &namespace).await?;
    let own = Api::<Namespace>::all(client.clone()).get(&namespace).await?;
    picture.insert("Namespace".to_owned(), bare(&own)?);
    picture.insert("status".to_owned(), status(environment)?);
    let unlike = unlike(environment, &namespace);
    for value in picture.values_mut() {
        rename(value, &unlike);
    }
    Ok(picture)
}

/// Of a claim, what it asks for: Kubernetes made it, and its annotations tell who bound it first.
async fn add_claims(picture: &mut Picture, client: &Client, namespace: &str) -> Result<()> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    for claim in api.list(&ListParams::default()).await? {
        let asked = claim.spec.as_ref().map(|spec| (&spec.access_modes, &spec.resources));
        picture.insert(format!("PersistentVolumeClaim {}", claim.name_any()), serde_json::to_value(asked)?);
    }
    Ok(())
}

async fn add<K: Watched>(picture: &mut Picture, kind: &str, api: Api<K>) -> Result<()> {
    for object in api.list(&ListParams::default()).await? {
        picture.insert(format!("{kind} {}", object.name_any()), bare(&object)?);
    }
    Ok(())
}

/// As it is declared, and who declared it.
fn bare<K: Watched>(object: &K) -> Result<Value> {
    let managers: Vec<Value> = object
        .managed_fields()
        .iter()
        .filter(|entry| entry.subresource.as_deref() != Some("status"))
        .map(|entry| json!([entry.manager, entry.operation]))
        .collect();
    let mut bare = serde_json::to_value(object)?;
    bare["status"].take();
    if let Some(metadata) = bare["metadata"].as_object_mut() {
        metadata.retain(|field, _| !OWN_METADATA.contains(&field.as_str()));
    }
    if !bare["metadata"]["annotations"]["slipway.dev/declared"].is_null() {
        bare["metadata"]["annotations"]["slipway.dev/declared"] = "<digest>".into();
    }
    for field in ["clusterIP", "clusterIPs"] {
        if !bare["spec"][field].is_null() {
            bare["spec"][field] = "<own>".into();
        }
    }
    bare["managers"] = managers.into();
    Ok(bare)
}

/// Without times.
fn status(environment: &DevEnvironment) -> Result<Value> {
    let mut status = serde_json::to_value(&environment.status)?;
    status["startedAt"].take();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastTransitionTime"].take();
    }
    for locked in status["lock"].as_array_mut().into_iter().flatten() {
        locked["address"] = (!locked["address"].is_null()).into();
    }
    status["namespace"]["uid"] = (!status["namespace"]["uid"].is_null()).into();
    Ok(status)
}

/// Texts that are this environment's alone, the longest first, and what stands for them.
fn unlike(environment: &DevEnvironment, namespace: &str) -> [(String, &'static str); 3] {
    [
        (namespace.to_owned(), "<namespace>"),
        (environment.uid().unwrap_or_default(), "<uid>"),
        (environment.name_any(), "<environment>"),
    ]
}

fn rename(value: &mut Value, unlike: &[(String, &'static str)]) {
    match value {
        Value::String(text) => {
            for (own, common) in unlike {
                *text = text.replace(own, common);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, unlike)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, unlike)),
        _ => {}
    }
}

/// The first differences between two pictures, for people; none when they are the same.
pub fn differences(one: &Picture, other: &Picture) -> Vec<String> {
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    let differing = names.into_iter().filter(|name| one.get(*name) != other.get(*name));
    differing.map(|name| format!("{name}: {} / {}", text(one.get(name)), text(other.get(name)))).collect()
}

fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), Value::to_string)
}
