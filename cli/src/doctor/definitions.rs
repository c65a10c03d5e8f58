//! Slipway's kinds: whether the cluster has them, and as this program knows them.

use futures::future::join_all;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Error};
use serde_json::Value;

use super::check::{Check, is_forbidden};
use crate::api_error::INSTALL;
use crate::connect::Session;

const SUBJECT: &str = "kinds";

/// One line when all is well, else a line for each kind that is not.
pub async fn look(session: &Session) -> Vec<Check> {
    let api: Api<CustomResourceDefinition> = Api::all(session.client.clone());
    let ours = slipway_crds::definitions();
    let names: Vec<_> = ours.iter().map(kube::ResourceExt::name_any).collect();
    let found = join_all(names.iter().map(|name| api.get_opt(name))).await;
    let checks: Vec<_> = ours.iter().zip(&found).filter_map(|(ours, found)| judge(ours, found)).collect();
    match found.iter().find_map(|found| found.as_ref().err()) {
        Some(error) if is_forbidden(error) => vec![by_discovery(session).await],
        _ if checks.is_empty() => {
            vec![Check::ok(SUBJECT, format!("all {} are installed, of this version", ours.len()))]
        }
        _ => checks,
    }
}

/// Everybody may ask which kinds there are.
async fn by_discovery(session: &Session) -> Check {
    let version = format!("{}/{}", slipway_crds::GROUP, slipway_crds::VERSION);
    match session.client.list_api_group_resources(&version).await {
        Ok(_) => Check::ok(SUBJECT, "they are installed; of which version may not be seen with your rights"),
        Err(_) => Check::failed(SUBJECT, "Slipway is not installed in this cluster", INSTALL),
    }
}

fn judge(
    ours: &CustomResourceDefinition,
    found: &Result<Option<CustomResourceDefinition>, Error>,
) -> Option<Check> {
    let kind = &ours.spec.names.kind;
    match found {
        Ok(None) => Some(Check::failed(SUBJECT, format!("{kind} is not installed"), INSTALL)),
        Err(error) => Some(Check::unseen(SUBJECT, kind, error)),
        Ok(Some(theirs)) => compare(kind, &schema(ours), &schema(theirs)),
    }
}

fn schema(definition: &CustomResourceDefinition) -> Value {
    let version = definition.spec.versions.iter().find(|version| version.name == slipway_crds::VERSION);
    let schema = version.and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    schema.and_then(|schema| serde_json::to_value(schema).ok()).unwrap_or_default()
}

fn compare(kind: &str, ours: &Value, theirs: &Value) -> Option<Check> {
    if let Some(place) = missing(ours, theirs, "") {
        let message = format!("{kind} is of another version: the cluster's lacks {place}");
        return Some(Check::failed(SUBJECT, message, INSTALL));
    }
    let place = missing(theirs, ours, "")?;
    let message = format!("{kind} is of another version: this slipway does not know {place}");
    Some(Check::warning(SUBJECT, message, "use the slipway of the cluster's version"))
}

/// The first place at which `whole` does not have what `part` has.
fn missing(part: &Value, whole: &Value, place: &str) -> Option<String> {
    let within = |key: &str| match key {
        // What a schema is made of is no name that an author knows.
        "properties" | "items" | "additionalProperties" => place.to_owned(),
        key if place.is_empty() => key.to_owned(),
        key => format!("{place}.{key}"),
    };
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part.iter().find_map(|(key, value)| {
            // Words for people may differ.
            if key == "description" && value.is_string() {
                return None;
            }
            match whole.get(key) {
                Some(other) => missing(value, other, &within(key)),
                None => Some(within(key)),
            }
        }),
        _ if part == whole => None,
        _ => Some(place.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    #[test]
    fn what_this_program_knows_is_not_missing_in_itself() {
        for ours in slipway_crds::definitions() {
            assert_eq!(judge(&ours, &Ok(Some(ours.clone()))), None);
        }
    }

    #[test]
    fn a_missing_field_is_named() {
        let ours = slipway_crds::definitions().into_iter().next().unwrap();
        let kind = ours.spec.names.kind.clone();
        let whole = schema(&ours);
        let mut cut = whole.clone();
        let spec = cut["properties"]["spec"]["properties"].as_object_mut().unwrap();
        let field = spec.keys().next().unwrap().clone();
        spec.remove(&field);
        let older = compare(&kind, &whole, &cut).unwrap();
        assert_eq!(older.verdict, Verdict::Failed);
        assert!(older.message.ends_with(&format!("the cluster's lacks spec.{field}")), "{older:?}");
        let newer = compare(&kind, &cut, &whole).unwrap();
        assert_eq!(newer.verdict, Verdict::Warning);
        assert!(judge(&ours, &Ok(None)).unwrap().message.ends_with("is not installed"));
    }
}
