//! Objects as JSON or YAML, for other programs.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Format;

/// Writes an object; as text it is not written here.
pub fn write(out: &mut dyn Write, format: Format, object: &impl Serialize) -> anyhow::Result<()> {
    let mut value = serde_json::to_value(object)?;
    leave_out_managers(&mut value);
    match format {
        Format::Text => {}
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?,
        Format::Yaml => write!(out, "{}", yaml(&value)?)?,
    }
    Ok(())
}

/// Who wrote which field is noise to nearly everybody; kubectl leaves it out, too.
fn leave_out_managers(value: &mut Value) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    for item in value.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        leave_out_managers(item);
    }
}

/// A value as YAML, ending in a line break.
pub fn yaml(value: &Value) -> anyhow::Result<String> {
    let text = serde_yaml::to_string(value)?;
    Ok(format!("{}\n", text.trim_end()))
}

/// Several objects as one, as kubectl prints them.
pub fn list<T: Serialize>(items: &[T]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_fields_are_left_out_of_lists_too() {
        let object = json!({"metadata": {"name": "demo", "managedFields": [{}]}});
        let mut out = Vec::new();
        write(&mut out, Format::Json, &list(&[object])).unwrap();
        let printed: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(printed["items"], json!([{"metadata": {"name": "demo"}}]));
    }

    #[test]
    fn yaml_is_read_back_as_what_it_was() {
        let value = json!({"a": {"b": ["1", "yes", "x: y", "", "line\nline\n"], "c": {}, "d": null}, "n": 8});
        let text = yaml(&value).unwrap();
        let back = slipway_plan::yaml::parse_documents("x.yaml", text.as_bytes()).unwrap();
        assert_eq!(back[0].value, value, "{text}");
    }
}
