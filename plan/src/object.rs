//! A Kubernetes object as a value: what is declared, and what is observed.

mod body;
mod head;

use std::fmt;

use kube::Resource;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use slipway_crds::names;

pub use body::Body;
use head::Head;

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `Deployment`.
    pub kind: String,
    /// None for objects of the whole cluster.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} {namespace}/{}", self.kind, self.name),
            None => write!(formatter, "{} {}", self.kind, self.name),
        }
    }
}

/// A declared object: exactly the fields that Slipway answers for.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Which object.
    pub key: ObjectKey,
    /// The whole of it, with `apiVersion`, `kind` and `metadata`.
    pub body: Body,
}

/// An object that could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("failed to render {kind} as JSON")]
pub struct RenderError {
    kind: String,
    source: serde_json::Error,
}

impl Object {
    /// A typed object as a declared one.
    pub fn from_typed<K>(typed: &K) -> Result<Self, RenderError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let body = serde_json::to_value(typed)
            .map_err(|source| RenderError { kind: K::kind(&()).into_owned(), source })?;
        let key = ObjectKey {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            namespace: typed.meta().namespace.clone(),
            name: typed.meta().name.clone().unwrap_or_default(),
        };
        let mut object = Self { key, body: body.into() };
        object.set("apiVersion", K::api_version(&()).as_ref());
        object.set("kind", K::kind(&()).as_ref());
        Ok(object)
    }

    fn set(&mut self, field: &str, value: &str) {
        if let Some(fields) = self.body.as_object_mut() {
            fields.insert(field.to_owned(), value.into());
        }
    }

    /// Puts a text under `metadata.<map>.<name>`.
    pub fn mark(&mut self, map: &str, name: &str, value: &str) {
        let metadata = &mut self.body["metadata"];
        if !metadata[map].is_object() {
            metadata[map] = Value::Object(serde_json::Map::new());
        }
        metadata[map][name] = value.into();
    }

    /// The same without a text under `metadata.<map>.<name>`.
    pub fn unmark(&mut self, map: &str, name: &str) {
        if let Some(texts) = self.body["metadata"].get_mut(map).and_then(Value::as_object_mut) {
            texts.remove(name);
        }
    }

    /// One of its annotations.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        annotation(&self.body, name)
    }

    /// Its digests, see [`Object::stamped`].
    pub fn stamp(&self) -> Option<&str> {
        self.annotation(names::DECLARED)
    }

    /// The same, packed.
    #[must_use]
    pub fn packed(self) -> Self {
        Self { body: Body::packed(&self.body), ..self }
    }

    /// The object with two digests of its declaration as an annotation, `<all of it>.<which fields>`, so that a field which is
    /// no longer declared is noticed. The ClusterIP is left out: it is recorded after the fact and compared by itself.
    #[must_use]
    pub fn stamped(mut self) -> Self {
        let mut hashed = self.body.whole().into_owned();
        if let Some(spec) = hashed.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("clusterIP");
        }
        let stamp = format!("{}.{}", digest(&hashed), digest(&shape(&hashed)));
        self.mark("annotations", names::DECLARED, &stamp);
        self
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of a value, whatever the order of its keys.
pub fn digest(value: &Value) -> String {
    let sum = Sha256::digest(sorted(value).to_string());
    let first = sum.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

/// The value without the values of its fields. Items of lists are kept: the API server tells them apart by what is in them.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(_) => value.clone(),
        _ => Value::Null,
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<_> = fields.keys().collect();
            keys.sort();
            keys.into_iter().map(|key| (key.clone(), sorted(&fields[key]))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// An object as the API server last showed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Which object.
    pub key: ObjectKey,
    /// The whole of it; `managedFields` may be without their field lists.
    pub body: Body,
}

impl Observed {
    /// Its UID.
    pub fn uid(&self) -> &str {
        match self.body.head() {
            Some(head) => &head.uid,
            None => self.body["metadata"]["uid"].as_str().unwrap_or_default(),
        }
    }

    /// Its resource version.
    pub fn resource_version(&self) -> &str {
        match self.body.head() {
            Some(head) => &head.resource_version,
            None => self.body["metadata"]["resourceVersion"].as_str().unwrap_or_default(),
        }
    }

    /// One of its labels.
    pub fn label(&self, name: &str) -> Option<&str> {
        match self.body.head().filter(|_| Head::knows(name)) {
            Some(head) => head.label(name),
            None => self.body["metadata"]["labels"][name].as_str(),
        }
    }

    /// One of its annotations.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        annotation(&self.body, name)
    }

    /// Whether it is being deleted.
    pub fn is_terminating(&self) -> bool {
        match self.body.head() {
            Some(head) => head.is_terminating,
            None => self.body["metadata"]["deletionTimestamp"].is_string(),
        }
    }

    /// Whether a manager's fields were set by another request than an apply, such as the one that made the object.
    pub fn was_set_by_update(&self, manager: &str) -> bool {
        self.managed().any(|(name, is_by_update)| name == manager && is_by_update)
    }

    /// Who manages fields of it, its status apart; the one who came first, first.
    pub fn managers(&self) -> impl Iterator<Item = &str> {
        self.managed().map(|(name, _)| name)
    }

    fn managed(&self) -> impl Iterator<Item = (&str, bool)> {
        let head = self.body.head();
        let whole = head.is_none().then(|| head::managers(&self.body));
        let known = head.into_iter().flat_map(|head| &head.managers);
        known.map(|manager| (&*manager.name, manager.is_by_update)).chain(whole.into_iter().flatten())
    }
}

fn annotation<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    match body.head().filter(|_| Head::knows(name)) {
        Some(head) => head.annotation(name),
        None => body["metadata"]["annotations"][name].as_str(),
    }
}
