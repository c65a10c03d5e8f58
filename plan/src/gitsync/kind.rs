//! The kinds that may come from git, and what is checked of each before it is sent to the API server.

mod foreign;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use slipway_crds::v1alpha1::{DevEnvironmentSpec, FleetSpec, GitSyncSpec, ServiceRepoSpec};

use super::kind_name::KindName;
use super::kinds::is_own;
use crate::object::ObjectKey;
use crate::yaml::{Document, YamlError};

/// Slipway's kinds in the order in which they depend on each other.
pub(super) const OWN: [&str; 4] = ["Fleet", "ServiceRepo", "DevEnvironment", "GitSync"];

/// What others are made with, before those others: what is not named here comes last but for Slipway's kinds.
const EARLY: [&str; 11] = [
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Service",
];

/// Objects of a lower rank are applied first.
pub fn rank(key: &ObjectKey) -> usize {
    let kind = key.kind.as_str();
    if is_own(&key.into()) {
        return EARLY.len() + 1 + OWN.iter().position(|own| *own == kind).unwrap_or(OWN.len());
    }
    EARLY.iter().position(|early| *early == kind).unwrap_or(EARLY.len())
}

/// What an author may write of an object.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written<S> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: S,
}

/// What an author may write of an object's metadata.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The document as an object of its kind: exactly the fields that were written, each as the API server keeps it.
pub(super) fn checked(document: &Document<'_>, name: &KindName) -> Result<Value, YamlError> {
    if !is_own(name) {
        return foreign::checked(document, name);
    }
    let typed = match name.kind.as_str() {
        "Fleet" => typed::<FleetSpec>(document),
        "ServiceRepo" => typed::<ServiceRepoSpec>(document),
        "DevEnvironment" => typed::<DevEnvironmentSpec>(document),
        _ => typed::<GitSyncSpec>(document),
    }?;
    restrict(&document.value, &typed, "").map_err(|path| document.error(format!("unknown field `{path}`")))
}

fn typed<S: DeserializeOwned + Serialize>(document: &Document<'_>) -> Result<Value, YamlError> {
    let written: Written<S> = document.typed()?;
    serde_json::to_value(&written).map_err(|error| document.error(error.to_string()))
}

/// The values of `typed`, but only the fields that `written` has. A field that the type did not take over is an error with
/// its path: types of Kubernetes itself let unknown fields pass, and the API server would drop them in silence.
fn restrict(written: &Value, typed: &Value, path: &str) -> Result<Value, String> {
    match (written, typed) {
        (Value::Object(written), Value::Object(typed)) => {
            let mut kept = Map::new();
            for (name, value) in written {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match typed.get(name) {
                    Some(typed) if !value.is_null() => {
                        kept.insert(name.clone(), restrict(value, typed, &path)?);
                    }
                    _ if is_empty(value) => {}
                    _ => return Err(path),
                }
            }
            Ok(Value::Object(kept))
        }
        (Value::Array(written), Value::Array(typed)) => {
            let items = written.iter().zip(typed).enumerate();
            items.map(|(at, (written, typed))| restrict(written, typed, &format!("{path}[{at}]"))).collect()
        }
        _ => Ok(typed.clone()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
