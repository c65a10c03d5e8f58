//! Objects of kinds that are not Slipway's: only the API server knows their fields.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::Metadata;
use crate::gitsync::kind_name::KindName;
use crate::yaml::{Document, YamlError};

/// Of an object of any kind, what must be as everywhere.
#[derive(Deserialize)]
struct Written {
    #[allow(dead_code, reason = "reading it is the check")]
    metadata: Metadata,
    #[serde(default)]
    status: Option<IgnoredAny>,
}

/// The document as it was written, without fields that are null.
pub(super) fn checked(document: &Document<'_>, name: &KindName) -> Result<Value, YamlError> {
    let written: Written = document.typed()?;
    if written.status.is_some() {
        return Err(document.error("unknown field `status`: what an object is like is the cluster's to say"));
    }
    let mut body = without_null(&document.value);
    if (name.api_version.as_str(), name.kind.as_str()) == ("v1", "Secret") {
        encode(&mut body);
    }
    Ok(body)
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), without_null(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_null).collect(),
        other => other.clone(),
    }
}

/// The API server keeps `stringData` as `data`, and so must what it is compared with.
fn encode(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    for (key, text) in texts {
        data[key] = text.as_str().map(|text| STANDARD.encode(text)).map_or(text, Value::from);
    }
}
