//! What is asked of every object at each look.

use serde_json::Value;

/// Labels and annotations that decisions are made from begin with this.
const OURS: &str = "slipway.dev/";

/// Of a packed object, what is asked of it at each look.
pub(super) struct Head {
    /// Its UID.
    pub uid: Box<str>,
    /// Its resource version.
    pub resource_version: Box<str>,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// Who manages fields of it, its status apart.
    pub managers: Box<[Manager]>,
    labels: Texts,
    annotations: Texts,
}

/// Somebody who manages fields.
pub(super) struct Manager {
    /// Field manager.
    pub name: Box<str>,
    /// Whether by another request than an apply.
    pub is_by_update: bool,
}

type Texts = Box<[(Box<str>, Box<str>)]>;

impl Head {
    pub(super) fn of(whole: &Value) -> Self {
        let metadata = &whole["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default().into();
        Self {
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            is_terminating: metadata["deletionTimestamp"].is_string(),
            managers: managers(whole)
                .map(|(name, is_by_update)| Manager { name: name.into(), is_by_update })
                .collect(),
            labels: texts(&metadata["labels"]),
            annotations: texts(&metadata["annotations"]),
        }
    }

    /// Whether labels and annotations of this name are here; of others only the whole object tells.
    pub(super) fn knows(name: &str) -> bool {
        name.starts_with(OURS)
    }

    /// A label that it [knows](Self::knows).
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        find(&self.labels, name)
    }

    /// An annotation that it [knows](Self::knows).
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        find(&self.annotations, name)
    }
}

/// Who manages fields of an object, its status apart, and whether by another request than an apply.
pub(super) fn managers(whole: &Value) -> impl Iterator<Item = (&str, bool)> {
    let entries = whole["metadata"]["managedFields"].as_array().into_iter().flatten();
    let entries = entries.filter(|entry| entry["subresource"].as_str().unwrap_or_default().is_empty());
    entries.filter_map(|entry| Some((entry["manager"].as_str()?, entry["operation"] == "Update")))
}

fn texts(map: &Value) -> Texts {
    let texts = map.as_object().into_iter().flatten().filter(|(name, _)| Head::knows(name));
    texts.filter_map(|(name, text)| Some((name.as_str().into(), text.as_str()?.into()))).collect()
}

fn find<'a>(texts: &'a Texts, name: &str) -> Option<&'a str> {
    texts.iter().find(|(known, _)| **known == *name).map(|(_, text)| &**text)
}
