//! Which fields of an object would change, from what to what.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slipway_crds::names;

use crate::diff::merge_key;

/// What is shown of a value that nobody is to see.
const HIDDEN: &str = "(hidden)";

/// One field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Its path.
    pub path: String,
    /// What it is; none when it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it would be; none when it would not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The fields that differ, in the order of their paths; what the API server keeps for itself is left out. Of a Secret it is told
/// which values differ, and no value.
pub fn changes(kind: &str, before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare(Some(&told(before)), Some(&told(after)), "", &mut found);
    if kind == "Secret" {
        found.iter_mut().for_each(hide);
    }
    found
}

/// An object without what changes by itself.
fn told(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&field.as_str()));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(names::DECLARED);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    object
}

fn compare(before: Option<&Value>, after: Option<&Value>, path: &str, found: &mut Vec<FieldChange>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                compare(old.get(name), new.get(name), &joined(path, name), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => lists(old, new, path, found),
        (before, after) => {
            found.push(FieldChange { path: path.to_owned(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// Items that have names are compared by name; texts by whether they are there; all others by their place.
fn lists(old: &[Value], new: &[Value], path: &str, found: &mut Vec<FieldChange>) {
    let both: Vec<Value> = old.iter().chain(new).cloned().collect();
    if let Some((old, new)) = merge_key(&both).and_then(|key| Some((by_key(old, key)?, by_key(new, key)?))) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            compare(old.get(name).copied(), new.get(name).copied(), &format!("{path}[{name}]"), found);
        }
        return;
    }
    if old.len() == new.len() && old.iter().all(|item| item.is_object() || item.is_array()) {
        for (at, (old, new)) in old.iter().zip(new).enumerate() {
            compare(Some(old), Some(new), &format!("{path}[{at}]"), found);
        }
        return;
    }
    found.push(FieldChange { path: path.to_owned(), before: Some(json!(old)), after: Some(json!(new)) });
}

/// None when two items have the same name.
fn by_key<'a>(items: &'a [Value], key: &str) -> Option<BTreeMap<String, &'a Value>> {
    let name = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let named: BTreeMap<String, &Value> = items.iter().map(|item| (name(&item[key]), item)).collect();
    (named.len() == items.len()).then_some(named)
}

fn joined(path: &str, name: &str) -> String {
    let name = if name.contains(['.', '/']) { format!("[{name}]") } else { name.to_owned() };
    match path {
        "" => name,
        path if name.starts_with('[') => format!("{path}{name}"),
        path => format!("{path}.{name}"),
    }
}

/// Everything but what is known to be no secret: annotations may repeat the values.
fn hide(change: &mut FieldChange) {
    let open = ["apiVersion", "kind", "type", "immutable", "metadata.name", "metadata.labels"];
    if !open.iter().any(|field| change.path.starts_with(field)) {
        change.before = change.before.take().map(|_| json!(HIDDEN));
        change.after = change.after.take().map(|_| json!(HIDDEN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(kind: &str, before: &Value, after: &Value) -> Vec<String> {
        let change = |change: FieldChange| {
            let side = |value: Option<Value>| value.map_or("-".to_owned(), |value| value.to_string());
            format!("{} {} {}", change.path, side(change.before), side(change.after))
        };
        changes(kind, before, after).into_iter().map(change).collect()
    }

    #[test]
    fn items_with_names_are_compared_by_name() {
        let before = json!({"spec": {"machines": [{"name": "s"}, {"name": "xl", "cpu": 8}]}});
        let after = json!({"spec": {"machines": [{"name": "xl", "cpu": 16}, {"name": "m"}]}});
        let expected = [
            "spec.machines[m] - {\"name\":\"m\"}",
            "spec.machines[s] {\"name\":\"s\"} -",
            "spec.machines[xl].cpu 8 16",
        ];
        assert_eq!(told_of("Fleet", &before, &after), expected);
    }

    #[test]
    fn what_the_api_server_keeps_for_itself_is_no_change() {
        let before = json!({"metadata": {"name": "a", "resourceVersion": "1", "generation": 1,
            "annotations": {"slipway.dev/declared": "x"}}, "status": {"a": 1}});
        let after = json!({"metadata": {"name": "a", "resourceVersion": "2", "generation": 2,
            "annotations": {"slipway.dev/declared": "y"}}});
        assert!(changes("Fleet", &before, &after).is_empty());
        let labelled = json!({"metadata": {"name": "a", "labels": {"slipway.dev/gitsync": "fleet"}}});
        let expected = ["metadata.labels - {\"slipway.dev/gitsync\":\"fleet\"}"];
        assert_eq!(told_of("Fleet", &before, &labelled), expected);
    }

    #[test]
    fn of_a_secret_no_value_is_told() {
        let secret = |value: &str, other: Value| {
            let last = json!({"kubectl.kubernetes.io/last-applied-configuration": value});
            let mut secret =
                json!({"metadata": {"annotations": last}, "data": {"token": value}, "type": "Opaque"});
            secret["data"]["other"] = other;
            secret
        };
        let (before, after) = (secret("aHVudGVyMg==", Value::Null), secret("YW5vdGhlcg==", json!("bmV3")));
        let told = told_of("Secret", &before, &after).join("\n");
        assert!(told.contains("data.token \"(hidden)\" \"(hidden)\""), "{told}");
        for value in ["aHVudGVyMg==", "YW5vdGhlcg==", "bmV3"] {
            assert!(!told.contains(value), "{told}");
        }
        let whole = told_of("Secret", &json!({}), &after).join("\n");
        assert!(whole.contains("data - \"(hidden)\"") && !whole.contains("YW5vdGhlcg=="), "{whole}");
    }
}
