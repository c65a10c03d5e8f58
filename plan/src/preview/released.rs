//! What an update would give up: fields that our own create set and that are no longer declared. The API server's dry run does not
//! know of them before the create counts as an apply, and making it count is a write.

use serde_json::{Map, Value};

/// Takes from `after`, the answer to a dry run, what only `manager`'s own "Update" entry owns and `declared` has not.
pub fn release(after: &mut Value, live: &Value, declared: &Value, manager: &str) {
    let entries: Vec<&Value> =
        live["metadata"]["managedFields"].as_array().into_iter().flatten().filter(|e| is_whole(e)).collect();
    let is_ours = |entry: &&Value| entry["manager"] == manager && entry["operation"] == "Update";
    let others: Vec<&Value> = entries.iter().filter(|e| !is_ours(e)).map(|e| &e["fieldsV1"]).collect();
    for ours in entries.iter().filter(|entry| is_ours(entry)) {
        give_up(after, &ours["fieldsV1"], &others, Some(declared));
    }
}

fn is_whole(entry: &Value) -> bool {
    entry["subresource"].as_str().unwrap_or_default().is_empty()
}

fn give_up(after: &mut Value, owned: &Value, others: &[&Value], declared: Option<&Value>) {
    for (key, below) in owned.as_object().into_iter().flatten().filter(|(key, _)| *key != ".") {
        let others: Vec<&Value> = others.iter().filter_map(|other| other.get(key)).collect();
        let declared = declared.and_then(|declared| at(declared, key));
        if declared.is_none() && others.is_empty() {
            remove(after, key);
        } else if let Some(position) = position(after, key) {
            give_up(child(after, &position), below, &others, declared);
        }
    }
}

/// Where in a value something is.
enum Position {
    Field(String),
    Item(usize),
}

/// `f:name` is a field, `k:{"name":"x"}` the item with that name; items without a name are never given up one by one.
fn position(value: &Value, key: &str) -> Option<Position> {
    if let Some(field) = key.strip_prefix("f:") {
        return value.get(field).map(|_| Position::Field(field.to_owned()));
    }
    let wanted: Value = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
    let fits = |item: &Value| wanted.as_object().is_some_and(|keys| keys.iter().all(|(k, v)| &item[k] == v));
    value.as_array()?.iter().position(fits).map(Position::Item)
}

fn at<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match position(value, key)? {
        Position::Field(name) => value.get(name),
        Position::Item(index) => value.get(index),
    }
}

fn child<'a>(value: &'a mut Value, position: &Position) -> &'a mut Value {
    match position {
        Position::Field(name) => &mut value[name.as_str()],
        Position::Item(index) => &mut value[*index],
    }
}

fn remove(value: &mut Value, key: &str) {
    match (position(value, key), value) {
        (Some(Position::Field(name)), Value::Object(fields)) => drop(fields.remove(&name)),
        (Some(Position::Item(index)), Value::Array(items)) => drop(items.remove(index)),
        _ => {}
    }
}

/// The merge patch (RFC 7386) that turns one value into another.
pub fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let gone = from.keys().filter(|name| !to.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    let empty = Value::Null;
    let changed = to.iter().filter(|(name, value)| from.get(*name) != Some(value));
    let changed =
        changed.map(|(name, value)| (name.clone(), merge_patch(from.get(name).unwrap_or(&empty), value)));
    Value::Object(gone.chain(changed).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(entries: &Value) -> Value {
        json!({"metadata": {"name": "a", "managedFields": entries},
            "spec": {"url": "u", "interval": "30s", "list": [{"name": "x", "a": 1}, {"name": "y"}]}})
    }

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "fieldsV1": fields})
    }

    fn released(entries: &Value, declared: &Value) -> Value {
        let live = live(entries);
        let mut after = live.clone();
        release(&mut after, &live, declared, "ours");
        after["spec"].take()
    }

    #[test]
    fn what_only_our_create_set_and_nobody_declares_goes() {
        let fields = json!({"f:spec": {".": {}, "f:url": {}, "f:interval": {},
            "f:list": {"k:{\"name\":\"x\"}": {".": {}, "f:a": {}}, "k:{\"name\":\"y\"}": {}}}});
        let entries = json!([entry("ours", "Update", &fields)]);
        let declared = json!({"spec": {"url": "u", "list": [{"name": "x"}]}});
        assert_eq!(released(&entries, &declared), json!({"url": "u", "list": [{"name": "x"}]}));
    }

    #[test]
    fn what_somebody_else_set_and_what_an_apply_set_is_the_api_servers_to_decide() {
        let fields = json!({"f:spec": {"f:interval": {}}});
        let declared = json!({"spec": {"url": "u"}});
        let shared = json!([entry("ours", "Update", &fields), entry("emma", "Update", &fields)]);
        assert_eq!(released(&shared, &declared)["interval"], "30s");
        let applied = json!([entry("ours", "Apply", &fields)]);
        assert_eq!(released(&applied, &declared)["interval"], "30s");
    }

    #[test]
    fn a_merge_patch_leads_from_one_to_the_other() {
        let (from, to) =
            (json!({"a": {"b": 1, "c": 2}, "d": [1]}), json!({"a": {"c": 3}, "d": [2], "e": {"f": 1}}));
        assert_eq!(merge_patch(&from, &to), json!({"a": {"b": null, "c": 3}, "d": [2], "e": {"f": 1}}));
        assert_eq!(merge_patch(&from, &from), json!({}));
    }
}
