use slipway_crds::v1alpha1::OptOut;

use super::world::{World, environment, file, now};
use crate::gitsync::ending::{Ending, next};
use crate::gitsync::files::File;

fn plain(name: &str) -> File {
    file(&format!("{name}.yaml"), &environment(name))
}

fn declared(name: &str, annotation: &str) -> File {
    let metadata = format!("{{name: {name}, annotations: {{slipway.dev/{annotation}}}}}");
    file(&format!("{name}.yaml"), &environment(name).replace(&format!("{{name: {name}}}"), &metadata))
}

fn annotate(world: &mut World, at: usize, name: &str) {
    world.objects[at].body["metadata"]["annotations"][name] = "disabled".into();
}

#[test]
fn what_is_not_to_be_pruned_stays_when_its_file_goes() {
    let mut world = World::new();
    world.round('1', &[declared("a", "prune: disabled"), plain("b"), plain("c")]);
    let round = world.round('2', &[plain("c")]);
    assert_eq!(world.names(), ["a", "c"]);
    assert!(round.told().contains("Ready=True"), "{}", round.told());
    let opted: Vec<_> =
        round.status.inventory.iter().map(|entry| (entry.name.as_str(), entry.opted_out)).collect();
    assert_eq!(opted, [("a", Some(OptOut::Prune)), ("b", None), ("c", None)]);
}

#[test]
fn the_object_itself_may_ask_and_its_file_has_the_last_word() {
    let mut world = World::new();
    world.round('1', &[plain("a"), declared("b", "prune: enabled"), plain("c")]);
    annotate(&mut world, 0, "slipway.dev/prune");
    world.round('2', &[plain("c"), declared("b", "prune: enabled")]);
    assert_eq!(world.names(), ["a", "b", "c"]);
}

#[test]
fn what_is_not_to_be_reconciled_is_neither_made_nor_changed_nor_pruned() {
    let mut world = World::new();
    world.round('1', &[plain("a"), plain("b")]);
    annotate(&mut world, 0, "slipway.dev/reconcile");
    world.objects[0].body["spec"]["profile"] = "mine".into();
    let round = world.round('1', &[plain("a"), plain("b")]);
    assert!(round.decision.plan.steps.is_empty(), "{}", round.told());
    let told = "2 objects are as declared in branch main at 11111111, but for 1 that slipway.dev/reconcile: disabled leaves alone";
    assert!(round.told().contains(told), "{}", round.told());
    assert_eq!(round.status.inventory[0].opted_out, Some(OptOut::Reconcile));
    world.round('2', &[plain("b"), declared("d", "reconcile: disabled")]);
    assert_eq!(world.names(), ["a", "b"], "not pruned, and the new one not made");
    let round = world.round('3', &[declared("a", "reconcile: enabled"), plain("b")]);
    assert!(round.told().starts_with("~ DevEnvironment platform/a"), "{}", round.told());
}

#[test]
fn what_opted_out_outlives_the_sync() {
    let mut world = World::new();
    world.round('1', &[declared("a", "prune: disabled"), plain("b")]);
    let Ending::Delete(_, steps) = next(&world.sync, &world.objects, now()) else {
        panic!("nothing is deleted")
    };
    assert_eq!(steps.iter().map(ToString::to_string).collect::<Vec<_>>(), ["- DevEnvironment platform/b"]);
    world.objects.truncate(1);
    assert!(matches!(next(&world.sync, &world.objects, now()), Ending::Release));
}

#[test]
fn a_revision_is_in_the_history_once_for_each_time_that_it_came() {
    let mut world = World::new();
    for (digit, files) in
        [('1', &["a", "b"][..]), ('1', &["a", "b"]), ('2', &["a"]), ('2', &["a"]), ('1', &["a", "b"])]
    {
        world.round(digit, &files.iter().map(|name| plain(name)).collect::<Vec<_>>());
    }
    let history = world.sync.status.unwrap().history;
    let told: Vec<_> = history
        .iter()
        .map(|entry| format!("{} {} {}", &entry.revision[..1], entry.outcome, entry.declared))
        .collect();
    assert_eq!(told, ["1 Applied 2", "2 Applied 1", "1 Applied 2"]);
}
