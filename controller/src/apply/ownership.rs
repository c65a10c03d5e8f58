//! Whose fields are whose, as the API server keeps it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value};

/// Turns what a manager set by other requests into what it set by applying; whether there was anything to turn.
pub(super) fn claim(entries: &mut Vec<ManagedFieldsEntry>, manager: &str) -> bool {
    let is_ours = |entry: &ManagedFieldsEntry, operation: &str| {
        entry.manager.as_deref() == Some(manager)
            && entry.operation.as_deref() == Some(operation)
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    };
    let Some(at) = entries.iter().position(|entry| is_ours(entry, "Update")) else { return false };
    let mut ours = entries.remove(at);
    let applied = entries.iter().position(|entry| is_ours(entry, "Apply")).map(|at| entries.remove(at));
    if let Some(FieldsV1(fields)) = applied.and_then(|entry| entry.fields_v1) {
        let all = ours.fields_v1.get_or_insert_with(|| FieldsV1(Value::Object(Map::new())));
        unite(&mut all.0, fields);
    }
    ours.operation = Some("Apply".to_owned());
    entries.push(ours);
    true
}

/// Sets of fields are trees of names.
fn unite(into: &mut Value, more: Value) {
    let (Value::Object(into), Value::Object(more)) = (into, more) else { return };
    for (name, below) in more {
        unite(into.entry(name).or_insert_with(|| Value::Object(Map::new())), below);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, fields: &Value) -> ManagedFieldsEntry {
        let entry = json!({"manager": manager, "operation": operation, "fieldsV1": fields});
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn what_was_made_and_what_was_applied_become_one() {
        let mut entries = vec![
            entry("us", "Update", &json!({"f:data": {"f:a": {}, ".": {}}})),
            entry("emma", "Update", &json!({"f:data": {"f:c": {}}})),
            entry("us", "Apply", &json!({"f:data": {"f:b": {}}})),
        ];
        assert!(claim(&mut entries, "us"));
        let all = json!({"f:data": {"f:a": {}, "f:b": {}, ".": {}}});
        assert_eq!(
            entries,
            [entry("emma", "Update", &json!({"f:data": {"f:c": {}}})), entry("us", "Apply", &all)]
        );
        assert!(!claim(&mut entries, "us"), "once is enough");
    }
}
