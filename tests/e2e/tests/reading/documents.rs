//! The pages of `docs/spec`: whole, and with examples that the API server would take.

use std::fs;
use std::path::Path;

use serde_json::Value;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, GitSync, ServiceBuild, ServiceRepo};
use slipway_plan::manifest;
use slipway_plan::yaml::parse_documents;

use crate::explained::{fields, schemas};

fn page(kind: &str) -> String {
    let name = format!("docs/spec/{}.md", kind.to_lowercase());
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)).unwrap()
}

/// Blocks of YAML that a page shows.
fn examples(page: &str) -> Vec<&str> {
    page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_field_of_a_kind_is_on_its_page() {
    let mut missing = Vec::new();
    for (kind, schema) in schemas() {
        let page = page(&kind);
        let words: Vec<&str> = page.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
        let fields = fields(&kind, &schema);
        let unnamed =
            fields.iter().filter(|field| field.path.matches('.').count() > 1 && !words.contains(&field.name));
        missing.extend(unnamed.map(|field| field.path.clone()));
    }
    assert!(missing.is_empty(), "not on the page of its kind: {missing:#?}");
}

#[test]
fn every_page_begins_with_an_example_of_its_kind() {
    for (kind, _) in schemas() {
        let page = page(&kind);
        let first = examples(&page)[0];
        let documents = parse_documents("example.yaml", first.as_bytes()).unwrap();
        assert_eq!(documents[0].value["kind"], Value::from(kind));
    }
}

#[test]
fn every_example_of_a_whole_object_is_one() {
    let mut seen = 0;
    for (kind, _) in schemas() {
        let page = page(&kind);
        for text in examples(&page).into_iter().filter(|text| text.starts_with("apiVersion: slipway.dev/")) {
            for document in parse_documents("example.yaml", text.as_bytes()).unwrap() {
                match document.value["kind"].as_str().unwrap() {
                    "Fleet" => drop(document.typed::<Fleet>().unwrap()),
                    "ServiceRepo" => drop(document.typed::<ServiceRepo>().unwrap()),
                    "DevEnvironment" => drop(document.typed::<DevEnvironment>().unwrap()),
                    "GitSync" => drop(document.typed::<GitSync>().unwrap()),
                    "ServiceBuild" => drop(document.typed::<ServiceBuild>().unwrap()),
                    other => panic!("there is no {other}"),
                }
                seen += 1;
            }
        }
    }
    assert!(seen >= 4, "only {seen} examples were found");
}

#[test]
fn the_manifest_of_the_page_is_one() {
    let page = page("manifest");
    let text = examples(&page)[0];
    let name = parse_documents(manifest::FILE, text.as_bytes()).unwrap()[0].value["name"].clone();
    let name = slipway_plan::service_name::ServiceName::parse(name.as_str().unwrap()).unwrap();
    manifest::parse(&name, text.as_bytes()).unwrap();
}
