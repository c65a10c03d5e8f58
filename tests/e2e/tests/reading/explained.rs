//! What `kubectl explain` can say: every field speaks to whoever writes the YAML.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

/// A field of a definition.
pub struct Field<'a> {
    /// Kind and names on the way, such as `Fleet.spec.stores.ports`.
    pub path: String,
    /// Its own name.
    pub name: &'a str,
    pub schema: &'a JSONSchemaProps,
}

/// What Kubernetes itself explains, and documents.
const FOREIGN: [&str; 3] = ["resources", "conditions", "metadata"];

/// Every field below `spec` or `status` of a kind, but for those inside types of Kubernetes.
pub fn fields<'a>(kind: &str, schema: &'a JSONSchemaProps) -> Vec<Field<'a>> {
    let mut fields = Vec::new();
    for (name, schema) in schema.properties.iter().flatten() {
        let path = format!("{kind}.{name}");
        if !FOREIGN.contains(&name.as_str()) {
            fields.extend(self::fields(&path, inside(schema)));
        }
        fields.push(Field { path, name, schema });
    }
    fields
}

/// The items of a list, else the schema itself.
fn inside(schema: &JSONSchemaProps) -> &JSONSchemaProps {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaPropsOrArray::Schema;
    match &schema.items {
        Some(Schema(items)) => items,
        _ => schema,
    }
}

/// The whole schema of each kind.
pub fn schemas() -> Vec<(String, JSONSchemaProps)> {
    let of = |version: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionVersion| {
        version.schema.clone().unwrap().open_api_v3_schema.unwrap()
    };
    let definitions = slipway_crds::definitions().into_iter();
    definitions.map(|one| (one.spec.names.kind, of(&one.spec.versions[0]))).collect()
}

#[test]
fn every_field_is_explained() {
    for (kind, schema) in schemas() {
        for field in fields(&kind, &schema) {
            let known =
                ["apiVersion", "kind", "metadata", "spec", "status"].map(|name| format!("{kind}.{name}"));
            let explained = field.schema.description.as_ref().is_some_and(|text| text.len() > 3);
            assert!(explained || known.contains(&field.path), "{} has no description", field.path);
        }
    }
}

/// A word that is chosen from a few, or `true`, or a part with fields of its own needs none.
#[test]
fn every_value_that_is_written_has_an_example() {
    let mut without = Vec::new();
    for (kind, schema) in schemas() {
        for field in fields(&kind, &schema) {
            let is_written = field.path.contains(".spec.") && inside(field.schema).properties.is_none();
            let is_free = field.schema.enum_.is_none() && field.schema.type_.as_deref() != Some("boolean");
            let shown = field.schema.description.as_ref().is_some_and(|text| text.contains("Example: "));
            if is_written && is_free && !shown {
                without.push(field.path);
            }
        }
    }
    assert!(without.is_empty(), "no example: {without:#?}");
}
