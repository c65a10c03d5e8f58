//! `docs/security.md` explains every right that `manifests/install.yaml` gives, and no other.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Group, resource and verbs.
type Right = (String, String, BTreeSet<String>);

fn given() -> BTreeSet<Right> {
    let text = std::fs::read_to_string(root().join("manifests/install.yaml")).unwrap();
    let objects: Vec<Value> = serde_yaml::from_multiple(&text).unwrap();
    let roles = objects.iter().filter(|object| object["kind"] == "ClusterRole" || object["kind"] == "Role");
    let mut rights = BTreeSet::new();
    for rule in roles.flat_map(|role| role["rules"].as_array().unwrap()) {
        let name = rule["resourceNames"][0].as_str().map_or(String::new(), |name| format!(" ({name})"));
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                rights.insert((group.clone(), format!("{resource}{name}"), texts(&rule["verbs"])));
            }
        }
    }
    rights
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// The rows of the table, each with the files that need the right.
fn explained() -> Vec<(Right, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| group |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let verbs = cells[2].split_whitespace().map(str::to_owned).collect();
        let files = cells[3].split(',').map(|file| file.trim().to_owned()).collect();
        ((cells[0].to_owned(), cells[1].to_owned(), verbs), files)
    })
    .collect()
}

#[test]
fn every_right_is_explained_and_no_other() {
    let explained: BTreeSet<Right> = explained().into_iter().map(|(right, _)| right).collect();
    assert_eq!(given(), explained);
}

#[test]
fn every_right_is_needed_by_a_file_that_is_there() {
    for (right, files) in explained() {
        for file in files {
            assert!(root().join(&file).is_file(), "{right:?} is needed by {file}, which is not there");
        }
    }
}

#[test]
fn nothing_is_given_by_star() {
    for (group, resource, verbs) in given() {
        assert!(group != "*" && resource != "*" && !verbs.contains("*"), "{group}/{resource} {verbs:?}");
    }
}
