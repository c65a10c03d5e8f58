//! The kinds that may come from git, and what is checked of each before it is sent to the API server.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use slipway_crds::v1alpha1::{DevEnvironmentSpec, FleetSpec, GitSyncSpec, ServiceRepoSpec};
use slipway_crds::{GROUP, VERSION};

use crate::object::ObjectKey;
use crate::yaml::{Document, YamlError};

/// The kinds in the order in which they depend on each other.
const KINDS: [&str; 4] = ["Fleet", "ServiceRepo", "DevEnvironment", "GitSync"];

/// Objects of a lower rank are applied first.
pub fn rank(key: &ObjectKey) -> usize {
    KINDS.iter().position(|kind| *kind == key.kind).unwrap_or(KINDS.len())
}

/// Whether the kind may come from git.
pub(super) fn is_allowed(key: &ObjectKey) -> bool {
    key.api_version == format!("{GROUP}/{VERSION}") && KINDS.contains(&key.kind.as_str())
}

/// The kinds that may come from git, for people.
pub(super) fn allowed() -> String {
    format!("{} of {GROUP}/{VERSION}", KINDS.join(", "))
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The document as an object of its kind: exactly the fields that were written, each as the API server keeps it.
pub(super) fn checked(document: &Document<'_>, kind: &str) -> Result<Value, YamlError> {
    let typed = match kind {
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
