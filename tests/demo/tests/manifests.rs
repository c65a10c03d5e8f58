//! What `manifests/demo` declares is what the operator understands.
#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::collections::BTreeSet;

use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceRepo};
use slipway_demo::{Change, DemoFleet, FLEET, OPS, Repositories, Sources, TRUNK};
use slipway_plan::manifest::{self, Manifest};
use slipway_plan::service_name::ServiceName;
use slipway_plan::yaml::{Document, parse_documents};
use tempfile::TempDir;

fn manifest_of(service: &str) -> Manifest {
    let path = Sources::of_this_checkout().unwrap().service(service).join(manifest::FILE);
    manifest::parse(&ServiceName::parse(service).unwrap(), &std::fs::read(path).unwrap()).unwrap()
}

const FLEETS: [DemoFleet; 2] = [DemoFleet::Named, DemoFleet::Built];

fn fleet_files(fleet: DemoFleet) -> Vec<Change> {
    Change::tree(&Sources::of_this_checkout().unwrap().fleet(fleet)).unwrap()
}

fn documents(files: &[Change]) -> Vec<Document<'_>> {
    let parsed = files.iter().map(|file| parse_documents(&file.path, file.content.as_ref().unwrap()));
    parsed.flat_map(Result::unwrap).collect()
}

fn of_kind<'a>(documents: &'a [Document<'a>], kind: &'a str) -> impl Iterator<Item = &'a Document<'a>> {
    documents.iter().filter(move |document| document.value["kind"] == kind)
}

#[test]
fn every_object_of_a_fleet_has_only_fields_that_its_kind_knows() {
    for fleet in FLEETS {
        let files = fleet_files(fleet);
        let documents = documents(&files);
        for document in &documents {
            match document.value["kind"].as_str().unwrap() {
                "Fleet" => drop(document.typed::<Fleet>().unwrap()),
                "ServiceRepo" => drop(document.typed::<ServiceRepo>().unwrap()),
                "DevEnvironment" => drop(document.typed::<DevEnvironment>().unwrap()),
                other => panic!("a fleet has no {other}"),
            }
        }
        assert_eq!(of_kind(&documents, "Fleet").count(), 1);
    }
}

#[test]
fn every_service_has_a_repository_in_each_fleet_and_a_manifest_of_its_own_name() {
    let services = Sources::of_this_checkout().unwrap().services().unwrap();
    for fleet in FLEETS {
        let files = fleet_files(fleet);
        let documents = documents(&files);
        let known: BTreeSet<(&str, &str)> = of_kind(&documents, "ServiceRepo")
            .map(|one| (&one.value["metadata"]["name"], &one.value["spec"]["trunk"]))
            .map(|(name, trunk)| (name.as_str().unwrap(), trunk.as_str().unwrap_or(TRUNK)))
            .collect();
        let expected = services.iter().map(|service| (service.as_str(), TRUNK)).collect();
        assert_eq!(known, expected);
    }
    for service in services {
        assert_eq!(manifest_of(&service).name.as_str(), service);
    }
}

#[test]
fn in_the_built_fleet_only_eta_names_an_image() {
    let sources = Sources::of_this_checkout().unwrap();
    let folder = TempDir::new().unwrap();
    let repositories = Repositories::create(&sources, folder.path(), DemoFleet::Built).unwrap();
    for service in repositories.services() {
        let git = git2::Repository::open_bare(repositories.repository(service).path()).unwrap();
        let branch = git.revparse_single(&format!("{TRUNK}:manifest.yaml"));
        let text = branch.unwrap().into_blob().unwrap().content().to_vec();
        let manifest = manifest::parse(&ServiceName::parse(service).unwrap(), &text).unwrap();
        assert_eq!(manifest.image.is_some(), service == "eta", "{service}");
    }
}

#[test]
fn www_is_tested_exactly_as_its_team_wrote_in_2015() {
    let integration = manifest_of("www").integration.unwrap();
    assert_eq!(integration.cmd, "make test_integration");
    assert_eq!(integration.label.as_deref(), Some("oslave2_xl"));
    let names: Vec<&str> = integration.dependencies.iter().map(ServiceName::as_str).collect();
    assert_eq!(names, ["local", "www", "api", "ats"]);
    assert_eq!(integration.reports.junit.as_deref(), Some("test/results/protractor-*.xml"));
}

#[test]
fn each_branch_differs_from_its_trunk_and_every_start_makes_the_same_commits() {
    let sources = Sources::of_this_checkout().unwrap();
    for fleet in FLEETS {
        let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let repositories = Repositories::create(&sources, one.path(), fleet).unwrap();
        let again = Repositories::create(&sources, other.path(), fleet).unwrap();
        let names = repositories.services().iter().map(String::as_str).chain([FLEET, OPS]);
        for name in names {
            let branches = repositories.repository(name).branches().unwrap();
            assert_eq!(branches, again.repository(name).branches().unwrap(), "{name}");
            let commits: BTreeSet<&String> = branches.iter().map(|(_, commit)| commit).collect();
            assert_eq!(commits.len(), branches.len(), "{name}: {branches:?}");
            assert!(branches.iter().any(|(branch, _)| branch == TRUNK), "{name}: {branches:?}");
        }
    }
}
