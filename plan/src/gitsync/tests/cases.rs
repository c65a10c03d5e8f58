use serde_json::json;
use slipway_crds::names;

use super::world::{World, commit, environment, file, now, read_here, service_repo};
use crate::gitsync::decide::HeldBecause;
use crate::gitsync::ending::{Ending, next};
use crate::gitsync::events;
use crate::gitsync::files::File;
use crate::gitsync::report::{self, Applied, Attempt, Outcome, Refusal};
use crate::gitsync::source::{Failure, Fetched};

fn environments(names: &[&str]) -> Vec<File> {
    names.iter().map(|name| file(&format!("{name}.yaml"), &environment(name))).collect()
}

#[test]
fn a_new_repository_is_applied_and_then_nothing_is_left_to_do() {
    let mut world = World::new();
    let files = [file("www.yaml", &service_repo("www")), file("e.yaml", &environment("demo"))];
    assert_eq!(
        world.round('1', &files).told(),
        "\
+ ServiceRepo platform/www
+ DevEnvironment platform/demo
Ready=True Applied: 2 objects are as declared in branch main at 11111111
Fetched=True Fetched: branch main is at 1111111111111111111111111111111111111111
Applied=True Applied: 2 objects are as declared in branch main at 11111111
"
    );
    let round = world.round('1', &files);
    assert!(round.decision.plan.steps.is_empty(), "{}", round.told());
    assert_eq!(round.status.last_applied_revision.as_deref(), Some(commit('1').as_str()));
    assert_eq!(round.status.inventory.len(), 2);
}

#[test]
fn a_file_that_left_takes_its_object_along() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    let round = world.round('2', &environments(&["a"]));
    assert!(round.told().starts_with("- DevEnvironment platform/b\nReady=True"), "{}", round.told());
    assert_eq!(world.names(), ["a"]);
    assert_eq!(world.round('2', &environments(&["a"])).status.inventory.len(), 1);
}

#[test]
fn without_prune_what_left_stays_and_stays_recorded() {
    let mut world = World::new();
    world.sync.spec.prune = false;
    world.round('1', &environments(&["a", "b"]));
    let round = world.round('2', &environments(&["a"]));
    assert!(round.told().starts_with("Ready=True"), "{}", round.told());
    assert_eq!((world.names().len(), round.status.inventory.len()), (2, 2));
}

#[test]
fn a_bad_file_keeps_its_objects_and_the_others_go_on() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    let mut files = environments(&["a", "c"]);
    files[0] = file("a.yaml", &environment("a").replace("profile", "profil"));
    let told = world.round('2', &files).told();
    assert!(
        told.starts_with(
            "\
+ DevEnvironment platform/c
- DevEnvironment platform/b
Ready=False InvalidManifest: a.yaml:4:8: unknown field `profil`, expected one of "
        ),
        "{told}"
    );
    assert!(told.contains("\nStalled=True InvalidManifest: a.yaml:4:8: "), "{told}");
    assert_eq!(world.names(), ["a", "c"]);
    assert_eq!(world.sync.status.unwrap().last_applied_revision.as_deref(), Some(commit('1').as_str()));
}

#[test]
fn nothing_is_pruned_while_a_file_cannot_be_read_at_all() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    let files = [file("renamed.yaml", "apiVersion: [\n"), file("c.yaml", &environment("c"))];
    let round = world.round('2', &files);
    assert_eq!(round.decision.held.as_ref().map(|held| held.why), Some(HeldBecause::Unreadable));
    assert_eq!(world.names(), ["a", "b", "c"]);
}

#[test]
fn an_empty_revision_never_prunes_not_even_when_confirmed() {
    let mut world = World::new();
    world.round('1', &environments(&["a"]));
    world.confirm(&commit('2'));
    let told = world.round('2', &[]).told();
    assert!(
        told.contains(
            "Ready=False PruneHeld: 1 of 1 objects are no longer declared and wait to be deleted: \
             the revision declares nothing at all; to delete everything, delete the GitSync\n"
        ),
        "{told}"
    );
    assert_eq!(world.names(), ["a"]);
}

#[test]
fn a_prune_of_more_than_half_waits_for_the_confirmation_of_this_revision() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b", "c", "d", "e", "f", "g"]));
    world.confirm(&commit('1'));
    let told = world.round('2', &environments(&["a", "b", "c"])).told();
    assert!(
        told.contains(
            "Stalled=True PruneHeld: 4 of 7 objects are no longer declared and wait to be deleted: it is more than half of \
             them; to delete them, annotate the GitSync with slipway.dev/confirm-prune=2222222222222222222222222222222222222222\n"
        ),
        "{told}"
    );
    assert_eq!(world.names().len(), 7);
    world.confirm(&commit('2'));
    world.round('2', &environments(&["a", "b", "c"]));
    assert_eq!(world.names(), ["a", "b", "c"]);
}

#[test]
fn renaming_everything_waits_also_at_the_second_look_and_at_the_next_commit() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b", "c", "d"]));
    let renamed = environments(&["w", "x", "y", "z"]);
    for digit in ['2', '2', '3', '3'] {
        world.round(digit, &renamed);
    }
    assert_eq!(world.names(), ["a", "b", "c", "d", "w", "x", "y", "z"]);
    world.confirm(&commit('3'));
    world.round('3', &renamed);
    assert_eq!(world.names(), ["w", "x", "y", "z"]);
}

#[test]
fn three_objects_are_pruned_freely_and_so_is_half_of_many() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b", "c", "d"]));
    world.round('2', &environments(&["a"]));
    assert_eq!(world.names(), ["a"]);
    world.round('3', &environments(&["a", "b", "c", "d", "e", "f", "g", "h"]));
    world.round('4', &environments(&["a", "b", "c", "d"]));
    assert_eq!(world.names(), ["a", "b", "c", "d"]);
}

#[test]
fn rewritten_history_is_applied_but_prunes_only_when_confirmed() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    let before = world.sync.status.clone();
    world.rewritten = Some(commit('1').to_string());
    let round = world.round('2', &environments(&["a", "c"]));
    let told = round.told();
    assert!(told.contains("wait to be deleted: history was rewritten; to delete them"), "{told}");
    assert!(told.contains("Fetched=True HistoryRewritten: branch main was rewritten: 1111111"), "{told}");
    assert_eq!(world.names(), ["a", "b", "c"]);
    assert_eq!(round.status.last_applied_revision.as_deref(), Some(commit('1').as_str()));
    let events = events::of_status(before.as_ref(), &round.status);
    assert_eq!(events.iter().map(|event| event.reason).collect::<Vec<_>>(), ["HistoryRewritten", "NotReady"]);
    world.confirm(&commit('2'));
    let round = world.round('2', &environments(&["a", "c"]));
    assert_eq!(round.status.last_applied_revision.as_deref(), Some(commit('2').as_str()));
    assert_eq!(world.names(), ["a", "c"]);
}

#[test]
fn a_declared_field_is_put_back_and_the_other_manager_is_named() {
    let mut world = World::new();
    world.round('1', &environments(&["a"]));
    world.objects[0].body["spec"]["profile"] = "mine".into();
    world.objects[0].body["spec"]["machine"] = "xl".into();
    world.objects[0].body["metadata"]["managedFields"] =
        json!([{"manager": names::GITSYNC_MANAGER}, {"manager": "kubectl-edit"}]);
    let round = world.round('1', &environments(&["a"]));
    assert!(
        round.told().starts_with("~ DevEnvironment platform/a (drift at spec.profile)\nReady=True"),
        "{}",
        round.told()
    );
    assert_eq!(world.objects[0].body["spec"], json!({"profile": "rider", "machine": "xl"}));
    assert_eq!(
        crate::event::drift_corrected(&round.decision.plan)[0].note,
        "DevEnvironment platform/a: spec.profile was changed by kubectl-edit; it is put back as declared"
    );
}

#[test]
fn an_object_deleted_by_hand_is_made_again() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    world.objects.remove(0);
    assert!(world.round('1', &environments(&["a", "b"])).told().starts_with("+ DevEnvironment platform/a\n"));
    world.objects[0].body["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z".into();
    let told = world.round('1', &environments(&["a", "b"])).told();
    assert!(told.contains("Reconciling=True Progressing: 1 objects that somebody deleted"), "{told}");
}

#[test]
fn somebody_elses_object_is_a_conflict_and_is_left_alone() {
    let mut world = World::new();
    world.put_foreign(&environment("a").replace("rider", "theirs"), "kubectl");
    let before = world.objects.clone();
    let told = world.round('1', &environments(&["a", "b"])).told();
    assert_eq!(
        told,
        "\
+ DevEnvironment platform/b
! DevEnvironment platform/a belongs to field manager kubectl
Ready=False Conflict: DevEnvironment platform/a belongs to field manager kubectl; rename or delete one of the two
Fetched=True Fetched: branch main is at 1111111111111111111111111111111111111111
Applied=False Conflict: DevEnvironment platform/a belongs to field manager kubectl; rename or delete one of the two
Conflict=True Conflict: DevEnvironment platform/a belongs to field manager kubectl; rename or delete one of the two
Stalled=True Conflict: DevEnvironment platform/a belongs to field manager kubectl; rename or delete one of the two
"
    );
    assert_eq!(world.objects[0], before[0]);
    assert_eq!(world.sync.status.as_ref().unwrap().inventory.len(), 1);
    world.round('2', &[file("x.yaml", &environment("b"))]);
    assert_eq!(world.names(), ["a", "b"]);
}

#[test]
fn after_a_crash_what_we_made_is_recorded_before_it_may_be_deleted() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    world.sync.status = None;
    let round = world.round('2', &environments(&["a"]));
    assert!(round.decision.plan.steps.is_empty(), "{}", round.told());
    assert_eq!(round.status.inventory.len(), 2);
    world.round('2', &environments(&["a"]));
    assert_eq!(world.names(), ["a"]);
}

#[test]
fn a_copy_that_carries_our_label_is_not_ours() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    let mut copy = world.objects[1].clone();
    copy.key.name = "copy".to_owned();
    copy.body["metadata"]["uid"] = "uid-copy".into();
    copy.body["metadata"]["managedFields"] = json!([{"manager": "kubectl-create"}]);
    world.objects.push(copy);
    world.round('1', &environments(&["a", "b"]));
    assert_eq!(world.names(), ["a", "b", "copy"]);
}

#[test]
fn a_failed_fetch_keeps_the_last_commit_applied_and_prunes_nothing() {
    let mut world = World::new();
    world.round('1', &environments(&["a"]));
    let failure = Failure {
        reason: "FetchFailed",
        message: "failed to reach http://git/fleet.git".to_owned(),
        needs_a_person: false,
    };
    let fetched = Fetched::Failed { failure, last: Some(commit('1')) };
    let reading = read_here(&environments(&["a"]));
    let decision = world.decide(&commit('1'), &environments(&["a"]));
    let outcome = Outcome::default();
    let applied =
        Applied { reading: &reading, observed: &world.objects, decision: &decision, outcome: &outcome };
    let attempt = Attempt { sync: &world.sync, fetched: &fetched, rewritten: None, applied: Some(applied) };
    let status = report::status(&attempt, now());
    let told: Vec<_> =
        status.conditions.iter().map(|c| format!("{}={} {}", c.type_, c.status, c.message)).collect();
    assert_eq!(
        told,
        [
            "Ready=False failed to reach http://git/fleet.git; commit 11111111 stays applied",
            "Fetched=False failed to reach http://git/fleet.git",
            "Applied=True 1 objects are as declared in branch main at 11111111",
            "Reconciling=True failed to reach http://git/fleet.git",
        ]
    );
    assert_eq!(status.last_applied_revision, world.sync.status.unwrap().last_applied_revision);
}

#[test]
fn what_could_not_be_deleted_stays_recorded() {
    let mut world = World::new();
    world.round('1', &environments(&["a", "b"]));
    let files = environments(&["a"]);
    let decision = world.decide(&commit('2'), &files);
    let refusal = Refusal {
        message: "failed to delete b".to_owned(),
        is_delete: true,
        is_forbidden: false,
        needs_a_person: false,
    };
    let outcome = Outcome { refusals: vec![refusal], ..Outcome::default() };
    let reading = read_here(&files);
    let applied =
        Applied { reading: &reading, observed: &world.objects, decision: &decision, outcome: &outcome };
    let fetched = Fetched::Head(commit('2'));
    let attempt = Attempt { sync: &world.sync, fetched: &fetched, rewritten: None, applied: Some(applied) };
    let status = report::status(&attempt, now());
    assert_eq!(status.inventory.len(), 2);
    assert_eq!(
        (status.conditions[0].reason.as_str(), status.conditions[0].status.as_str()),
        ("PruneFailed", "False")
    );
    assert_eq!(status.last_applied_revision.as_deref(), Some(commit('1').as_str()));
}

#[test]
fn a_deleted_sync_deletes_what_it_made_and_waits_until_it_is_gone() {
    let mut world = World::new();
    world.put_foreign(&environment("theirs"), "kubectl");
    world.round('1', &environments(&["a", "b"]));
    let Ending::Delete(_, steps) = next(&world.sync, &world.objects, now()) else { panic!() };
    assert_eq!(
        steps.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["- DevEnvironment platform/a", "- DevEnvironment platform/b"]
    );
    for object in &mut world.objects[1..] {
        object.body["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z".into();
    }
    assert!(matches!(next(&world.sync, &world.objects, now()), Ending::Wait(keys) if keys.len() == 2));
    world.objects.truncate(1);
    assert!(matches!(next(&world.sync, &world.objects, now()), Ending::Release));
}

#[test]
fn a_deleted_sync_records_what_it_made_before_a_crash_and_then_deletes_it() {
    let mut world = World::new();
    world.round('1', &environments(&["a"]));
    world.sync.status = None;
    let Ending::Record(inventory) = next(&world.sync, &world.objects, now()) else { panic!() };
    assert_eq!(inventory.len(), 1);
    world.sync.status = Some(report::ending(&world.sync, &[], Some(inventory), now()));
    assert!(matches!(next(&world.sync, &world.objects, now()), Ending::Delete(..)));
}

#[test]
fn a_deleted_sync_leaves_everything_without_prune_or_while_suspended() {
    let mut world = World::new();
    world.round('1', &environments(&["a"]));
    world.sync.spec.suspend = serde_json::from_value(json!({"reason": "incident 42"})).unwrap();
    assert!(matches!(next(&world.sync, &world.objects, now()), Ending::Release));
    world.sync.spec.suspend = None;
    world.sync.spec.prune = false;
    assert!(matches!(next(&world.sync, &world.objects, now()), Ending::Release));
}

#[test]
fn a_pause_says_who_why_and_how_long() {
    let mut world = World::new();
    world.round('1', &environments(&["a"]));
    let suspension = json!({"reason": "incident 42", "by": "emma", "until": "2027-02-01T08:00:00Z"});
    let status = report::suspended(&world.sync, &serde_json::from_value(suspension).unwrap(), now());
    assert_eq!(
        status
            .conditions
            .iter()
            .map(|c| format!("{}={} {}", c.type_, c.status, c.message))
            .collect::<Vec<_>>(),
        [
            "Suspended=True suspended by emma until 2027-02-01T08:00:00Z: incident 42; remove `suspend` to go on"
        ]
    );
    assert_eq!(status.inventory.len(), 1);
}

#[test]
fn a_request_is_answered_and_an_unchanged_status_stays_the_same() {
    let mut world = World::new();
    world.sync.metadata.annotations = Some([(names::REQUESTED_AT.to_owned(), "now".to_owned())].into());
    let first = world.round('1', &environments(&["a"])).status;
    assert_eq!(first.last_handled_reconcile_at.as_deref(), Some("now"));
    assert_eq!(world.round('1', &environments(&["a"])).status, first);
}
