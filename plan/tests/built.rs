//! Environments of services that name no image: they wait for a build, and keep what they run.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

mod support;

use slipway_crds::reasons;
use slipway_crds::v1alpha1::LockedService;
use slipway_plan::build::inputs;
use slipway_plan::service_name::ServiceName;
use support::{Sources, Story, at, commit, environment, fleet};

const IMAGE: &str = "registry/www@sha256:1";

/// A story of `www`, which is built with this commit of the ops repository.
fn story(ops: &str) -> Story {
    let trunk = commit("www", "trunk");
    let mut sources = Sources { ops: Some(ops.to_owned()), ..Sources::default() };
    sources.manifests.insert(("www".to_owned(), trunk.clone()), "name: www\nrun: {ports: [80]}\n".to_owned());
    sources.commits.insert(("www".to_owned(), String::new()), trunk);
    Story { environment: environment("services: [www]\n"), fleet: fleet(""), sources, ..Story::empty() }
}

fn locked(story: &Story) -> LockedService {
    story.environment.status.as_ref().unwrap().lock[0].clone()
}

fn build_of(story: &Story) -> String {
    let service = ServiceName::parse("www").unwrap();
    let resolved = story.sources.resolve(&story.environment, &story.fleet).unwrap();
    inputs::name(&service, resolved.services[0].inputs.as_ref().unwrap())
}

#[test]
fn it_waits_for_the_build_and_says_how_far_that_is() {
    let mut story = story("ops-1");
    let told = story.run(at(0));
    assert!(!told.contains("Deployment"), "{told}");
    let status = story.environment.status.as_ref().unwrap();
    let blocked = &status.blocked_by[0];
    assert_eq!((blocked.reason.as_str(), blocked.what.as_str()), (reasons::IMAGE_BUILDING, "service www"));
    assert_eq!(blocked.message, "build: Queued: 2 builds are before it");
    assert_eq!((locked(&story).image, locked(&story).ops_commit.as_deref()), (None, Some("ops-1")));
}

#[test]
fn it_runs_the_image_that_was_built() {
    let mut story = story("ops-1");
    story.run(at(0));
    let name = build_of(&story);
    story.sources.builds.insert(name, IMAGE.to_owned());
    let told = story.run(at(10));
    assert!(told.contains("+ Deployment"), "{told}");
    assert_eq!(locked(&story).image.as_deref(), Some(IMAGE));
}

#[test]
fn what_runs_stays_while_nobody_knows_what_it_would_be_built_of() {
    let mut story = story("ops-1");
    story.sources.every_build = Some(IMAGE.to_owned());
    story.run(at(0));
    story.sources.ops = None;
    assert_eq!(story.run(at(10)), "");
    assert_eq!(locked(&story).image.as_deref(), Some(IMAGE));
}

#[test]
fn an_image_changes_with_the_ops_commit_and_with_nothing_less() {
    let mut story = story("ops-1");
    story.fleet = fleet("builds: {staleness: 0s}\n");
    story.sources.every_build = Some(IMAGE.to_owned());
    story.run(at(0));
    // The build is gone, and its image is recorded: it stays.
    story.sources.every_build = None;
    assert_eq!(story.run(at(10)), "");
    assert_eq!(locked(&story).image.as_deref(), Some(IMAGE));
    story.sources.ops = Some("ops-2".to_owned());
    story.run(at(20));
    assert_eq!((locked(&story).image, locked(&story).ops_commit.as_deref()), (None, Some("ops-2")));
    story.sources.every_build = Some("registry/www@sha256:2".to_owned());
    story.run(at(30));
    assert_eq!(locked(&story).image.as_deref(), Some("registry/www@sha256:2"));
}

#[test]
fn a_newer_ops_commit_comes_as_a_difference_while_its_image_is_built() {
    let mut story = story("ops-1");
    story.sources.every_build = Some(IMAGE.to_owned());
    story.run(at(0));
    story.sources.every_build = None;
    story.sources.ops = Some("ops-2".to_owned());
    let resolved = story.sources.resolve(&story.environment, &story.fleet).unwrap();
    assert!(resolved.services[0].stands_in, "so that the build is asked for");
    let told = story.run(at(10));
    assert!(told.contains("~ Deployment"), "{told}");
    assert_eq!(
        (locked(&story).image.as_deref(), locked(&story).ops_commit.as_deref()),
        (Some(IMAGE), Some("ops-2"))
    );
    // Nothing restarts once more when the build is done.
    story.sources.every_build = Some("registry/www@sha256:2".to_owned());
    assert_eq!(story.run(at(20)), "");
}

#[test]
fn an_environment_can_have_an_ops_commit_of_its_own() {
    let mut story = story("ops-1");
    story.environment = environment("services: [www]\nops: fix-nginx\n");
    story.run(at(0));
    assert_eq!(locked(&story).ops_commit.as_deref(), Some("fix-nginx"));
}
