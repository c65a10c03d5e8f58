//! What people are told before it happens.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::properties::any_files;
use super::world::{World, commit, environment, file, read_here, service_repo};
use crate::gitsync::decide::{Facts, decide};
use crate::gitsync::files::File;
use crate::gitsync::preview::{Rehearsals, preview};
use crate::gitsync::settled::Settled;
use crate::preview::{Preview, Rehearsed};

fn told(world: &World, files: &[File], rehearsals: &Rehearsals) -> Preview {
    let (reading, revision) = (read_here(files), commit('9'));
    let facts = Facts {
        sync: &world.sync,
        revision: &revision,
        is_current: true,
        is_rewritten: world.rewritten.is_some(),
        reading: &reading,
        observed: &world.objects,
        settled: &Settled::default(),
    };
    preview("GitSync platform/fleet, 3 files".to_owned(), &facts, &decide(&facts), rehearsals)
}

#[test]
fn what_is_made_changed_pruned_refused_and_left_is_told() {
    let mut world = World::new();
    world.round(
        '1',
        &[
            file("a.yaml", &environment("a")),
            file("old.yaml", &environment("old")),
            file("stays.yaml", &environment("stays")),
        ],
    );
    world.put_foreign(&service_repo("theirs"), "kubectl");
    let files = [
        file("a.yaml", &format!("# a comment\n{}", environment("a").replace("rider", "driver"))),
        file("bad.yaml", &environment("bad").replace("profile", "profil")),
        file("new.yaml", &format!("{}---\n{}", service_repo("www"), service_repo("api"))),
        file("stays.yaml", &environment("stays")),
        file("theirs.yaml", &service_repo("theirs")),
    ];
    let mut rehearsals = Rehearsals::new();
    for object in &read_here(&files).objects {
        let rehearsed = match object.key.name.as_str() {
            "a" => Ok(Rehearsed {
                before: json!({"spec": {"profile": "rider", "ttl": "8h"}}),
                after: json!({"spec": {"profile": "driver", "ttl": "8h"}}),
            }),
            "api" => Err("ServiceRepo \"api\" is invalid: spec.url: too long".to_owned()),
            _ => continue,
        };
        rehearsals.insert(object.key.clone(), rehearsed);
    }
    let expected = "\
GitSync platform/fleet, 3 files: 3 steps, 3 refused, 1 stays as it is
  ✗ bad.yaml:4:8: unknown field `profil`, expected one of profile, services, branches, update, ops, machine, env, ttl, integration
  ✗ theirs.yaml:1: ServiceRepo platform/theirs exists and belongs to field manager kubectl: remove or rename it, it is not taken over
  ✗ new.yaml:6: ServiceRepo \"api\" is invalid: spec.url: too long
  + ServiceRepo platform/www (new.yaml:1)
  ~ DevEnvironment platform/a (a.yaml:2)
      spec.profile: \"rider\" → \"driver\"
  - DevEnvironment platform/old
";
    let preview = told(&world, &files, &rehearsals);
    assert_eq!(preview.to_string(), expected);
    assert_eq!(preview.unchanged, ["DevEnvironment platform/stays"]);
}

#[test]
fn deletes_that_would_wait_are_told_with_the_reason() {
    let mut world = World::new();
    world.round('1', &[file("a.yaml", &environment("a")), file("b.yaml", &environment("b"))]);
    let broken = [file("b.yaml", &environment("b")), file("c.yaml", "kind: [\n")];
    let told_of = |world: &World, files: &[File]| {
        told(world, files, &BTreeMap::new()).steps.iter().map(ToString::to_string).collect::<String>()
    };
    assert_eq!(
        told_of(&world, &broken),
        "? DevEnvironment platform/a (no longer declared, but it stays: a file with a mistake may declare them; correct it)\n"
    );
    world.rewritten = Some(commit('1').to_string());
    assert_eq!(
        told_of(&world, &[file("b.yaml", &environment("b"))]),
        "? DevEnvironment platform/a (no longer declared, but it stays: history was rewritten, unless it is confirmed)\n"
    );
    world.sync.spec.prune = false;
    assert_eq!(told_of(&world, &[file("b.yaml", &environment("b"))]), "");
}

proptest! {
    #[test]
    fn what_is_there_already_leaves_nothing_to_tell(revisions in vec(any_files(), 1..4)) {
        let mut world = World::new();
        for (digit, files) in ('1'..).zip(&revisions) {
            world.round(digit, files);
            world.round(digit, files);
            let again = told(&world, files, &BTreeMap::new());
            prop_assert!(again.steps.iter().all(|step| step.act == crate::preview::Act::Hold), "{again}");
            prop_assert_eq!(again.problems.len(), read_here(files).mistakes.len());
        }
    }

    #[test]
    fn what_is_told_is_what_is_done(before in any_files(), after in any_files()) {
        let mut world = World::new();
        world.round('1', &before);
        let told = told(&world, &after, &BTreeMap::new());
        let done = world.round('9', &after).decision;
        let held = done.held.as_ref().map_or(0, |held| held.deletes);
        prop_assert_eq!(told.steps.len(), done.plan.steps.len() + held);
        prop_assert!(told.unchanged.len() + done.plan.steps.len() >= read_here(&after).objects.len());
    }
}
