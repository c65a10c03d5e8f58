//! What is there at the end of a run, in words that are the same in every run.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, ListParams};
use kube::discovery::ApiResource;
use kube::{Api, Resource as _};
use serde_json::{Value, json};
use slipway_controller::{cache, own_kinds};
use slipway_crds::names;

use crate::names::Names;
use crate::stage::Stage;

/// Objects as they are.
pub type Objects = Vec<Value>;

/// Objects in general words, by kind and name.
pub type State = BTreeMap<String, Value>;

/// Everything that Slipway has to do with, of one run.
pub async fn look(stage: &Stage<'_>) -> Result<Objects> {
    let mut found = Vec::new();
    for (resource, label) in
        cache::kinds().iter().flat_map(|kind| [(kind, names::FLEET_NAMESPACE), (kind, names::BUILDS)])
    {
        // Pods have names by chance; they are counted below.
        let api: Api<DynamicObject> = Api::all_with(stage.client.clone(), resource);
        let list = api.list(&ListParams::default().labels(&format!("{label}={}", stage.fleet))).await?;
        let counted =
            |object: &DynamicObject| resource.kind != "Pod" || object.metadata.deletion_timestamp.is_none();
        found.extend(list.into_iter().filter(counted).map(|object| value(resource, &object)));
    }
    for resource in own_kinds() {
        let api: Api<DynamicObject> = Api::namespaced_with(stage.client.clone(), &stage.fleet, &resource);
        let list = api.list(&ListParams::default()).await?;
        found.extend(list.into_iter().map(|object| value(&resource, &object)));
    }
    Ok(found)
}

fn value(resource: &ApiResource, object: &DynamicObject) -> Value {
    let mut value = object.data.clone();
    value["apiVersion"] = json!(resource.api_version);
    value["kind"] = json!(resource.kind);
    value["metadata"] = serde_json::to_value(&object.metadata).unwrap_or_default();
    value
}

/// The objects in general words: without what differs from run to run although nothing is different.
pub fn general(objects: &[Value], names: &Names) -> State {
    let owners: BTreeMap<String, String> =
        objects.iter().filter_map(|object| uid_and_key(object, names)).collect();
    let mut state = State::new();
    for object in objects {
        if object["kind"] == Pod::kind(&()).as_ref() {
            let of = object["metadata"]["labels"][names::SERVICE].as_str().unwrap_or("tests");
            let count = state.entry(format!("pods of {of}")).or_insert(json!(0));
            *count = json!(count.as_u64().unwrap_or_default() + 1);
            continue;
        }
        let mut general = object.clone();
        reduce(&mut general);
        rename(&mut general, names, &owners);
        state.insert(key(object, names), general);
    }
    state
}

fn uid_and_key(object: &Value, names: &Names) -> Option<(String, String)> {
    let uid = object["metadata"]["uid"].as_str()?;
    Some((uid.to_owned(), format!("<uid of {}>", key(object, names))))
}

fn key(object: &Value, names: &Names) -> String {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    names.general(&format!(
        "{} {}/{}",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    ))
}

/// Managed fields become who manages the object, and the status of a built-in kind how far it is.
fn reduce(object: &mut Value) {
    let metadata = &mut object["metadata"];
    let managers: std::collections::BTreeSet<String> = metadata["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["manager"].as_str())
        .filter(|manager| manager.starts_with("slipway.dev/"))
        .map(str::to_owned)
        .collect();
    metadata["managedFields"] = json!(managers);
    if let Some(metadata) = metadata.as_object_mut() {
        for field in
            ["resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
        {
            metadata.remove(field);
        }
    }
    // A digest of words that are other ones in every run.
    if let Some(digest) = object["metadata"]["annotations"].get_mut(names::DECLARED) {
        *digest = json!("<digest>");
    }
    let is_ours = object["apiVersion"].as_str().is_some_and(|version| version.starts_with("slipway.dev/"));
    if !is_ours && let Some(object) = object.as_object_mut() {
        let status = object.remove("status").unwrap_or_default();
        object.insert(
            "ready".to_owned(),
            json!([status["readyReplicas"], status["succeeded"], status["phase"]]),
        );
    }
}

fn rename(value: &mut Value, names: &Names, owners: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => *text = word(text, names, owners),
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names, owners)),
        Value::Object(fields) => {
            // How long a step took.
            if let Some(seconds @ Value::Number(_)) = fields.get_mut("seconds") {
                *seconds = json!("<seconds>");
            }
            // Where the operator listens.
            if let Some(port @ Value::Number(_)) = fields.get_mut("port")
                && names.general(&format!("http://127.0.0.1:{port}")) == "<operator>"
            {
                *port = json!("<port>");
            }
            fields.values_mut().for_each(|value| rename(value, names, owners));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn word(text: &str, names: &Names, owners: &BTreeMap<String, String>) -> String {
    if let Some(owner) = owners.get(text) {
        return owner.clone();
    }
    if text.parse::<Timestamp>().is_ok() {
        return "<time>".to_owned();
    }
    if text.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.octets()[..2] == [10, 96]) {
        return "<address>".to_owned();
    }
    if is_uid(text) {
        return "<uid of what is gone>".to_owned();
    }
    let text = owners.iter().fold(names.general(text), |text, (uid, owner)| text.replace(uid, owner));
    text.lines().map(without_times).collect::<Vec<_>>().join("\n")
}

fn without_times(line: &str) -> String {
    let is_time = |word: &str| word.trim_end_matches(['.', ',', ';', ')']).parse::<Timestamp>().is_ok();
    line.split(' ').map(|word| if is_time(word) { "<time>" } else { word }).collect::<Vec<_>>().join(" ")
}

fn is_uid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Where two states differ, one line each.
pub fn differences(reference: &State, found: &State) -> Vec<String> {
    let mut all = Vec::new();
    for key in reference.keys().chain(found.keys().filter(|key| !reference.contains_key(*key))) {
        match (reference.get(key), found.get(key)) {
            (Some(_), None) => all.push(format!("{key} is missing")),
            (None, Some(_)) => all.push(format!("{key} should not be there")),
            (Some(reference), Some(found)) => compare(key, "", reference, found, &mut all),
            (None, None) => {}
        }
    }
    all
}

fn compare(key: &str, path: &str, reference: &Value, found: &Value, all: &mut Vec<String>) {
    match (reference, found) {
        (Value::Object(one), Value::Object(other)) => {
            for field in one.keys().chain(other.keys().filter(|field| !one.contains_key(*field))) {
                compare(key, &format!("{path}.{field}"), &reference[field], &found[field], all);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                compare(key, &format!("{path}[{index}]"), one, other, all);
            }
        }
        _ if reference == found => {}
        _ => all.push(format!("{key}: {path} is {found}, in the reference run it is {reference}")),
    }
}

/// Objects whose owner is not there.
pub fn orphans(objects: &[Value], names: &Names) -> Vec<String> {
    // What all builds of a fleet share is the fleet's, see `slipway_plan::desired::build::fleet_uid`.
    let exists = |uid: &str| {
        uid.starts_with("fleet-") || objects.iter().any(|object| object["metadata"]["uid"] == uid)
    };
    objects
        .iter()
        .filter(|object| {
            let owner = object["metadata"]["labels"][names::OWNER_UID].as_str();
            owner.is_some_and(|owner| !exists(owner))
        })
        .map(|object| key(object, names))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(uid: &str, time: &str, port: u16) -> Value {
        json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "www", "namespace": "env-1", "uid": uid, "creationTimestamp": time, "resourceVersion": time,
                "labels": {"slipway.dev/owner-uid": uid}},
            "spec": {"clusterIP": "10.96.3.7", "ports": [{"port": port}]}})
    }

    fn state(object: Value) -> State {
        general(&[object], &Names::new([("env-1".to_owned(), "<environment>")]))
    }

    #[test]
    fn two_runs_of_the_same_are_the_same() {
        let one = service("3f7a0000-0000-0000-0000-00000000000a", "2026-11-22T10:00:00Z", 80);
        let other = service("3f7a0000-0000-0000-0000-00000000000b", "2026-11-22T10:00:05Z", 80);
        assert_eq!(differences(&state(one), &state(other)), Vec::<String>::new());
    }

    #[test]
    fn a_difference_is_told_with_its_place() {
        let uid = "3f7a0000-0000-0000-0000-00000000000a";
        let told = differences(&state(service(uid, "t", 80)), &state(service(uid, "t", 81)));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("Service <environment>/www: .spec.ports[0].port is 81"), "{told:?}");
        let told = differences(&state(service(uid, "t", 80)), &State::new());
        assert_eq!(told, ["Service <environment>/www is missing"]);
    }

    #[test]
    fn an_object_whose_owner_is_gone_is_an_orphan() {
        let mut service = service("3f7a0000-0000-0000-0000-00000000000a", "t", 80);
        let names = Names::default();
        assert_eq!(orphans(&[service.clone()], &names), Vec::<String>::new());
        service["metadata"]["labels"]["slipway.dev/owner-uid"] = json!("gone");
        assert_eq!(orphans(&[service], &names), ["Service env-1/www"]);
    }
}
