use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::world::{World, commit, environment, file, read_here, service_repo};
use crate::diff::Step;
use crate::gitsync::decide::FREELY_PRUNED;
use crate::gitsync::files::File;

/// A file that declares some environments and repositories, or is broken.
fn any_file() -> impl Strategy<Value = String> {
    let document = prop_oneof![
        6 => (0..12_u8).prop_map(|number| environment(&format!("e{number}"))),
        3 => (0..4_u8).prop_map(|number| service_repo(&format!("s{number}"))),
        1 => Just("kind: [\n".to_owned()),
        1 => (0..12_u8).prop_map(|number| environment(&format!("e{number}")).replace("profile", "profil")),
    ];
    vec(document, 0..4).prop_map(|documents| documents.join("---\n"))
}

pub fn any_files() -> impl Strategy<Value = Vec<File>> {
    vec(any_file(), 0..6).prop_map(|texts| {
        texts.iter().enumerate().map(|(at, text)| file(&format!("{at}.yaml"), text)).collect()
    })
}

proptest! {
    #[test]
    fn applying_a_plan_leaves_nothing_to_plan(revisions in vec(any_files(), 1..5)) {
        let mut world = World::new();
        for (digit, files) in ('1'..).zip(&revisions) {
            world.round(digit, files);
            let status = world.round(digit, files).status;
            let again = world.round(digit, files);
            prop_assert_eq!(&again.decision.plan.steps, &vec![]);
            prop_assert_eq!(again.status, status);
        }
    }

    #[test]
    fn the_order_of_files_does_not_matter(files in any_files().prop_shuffle(), before in any_files()) {
        let mut world = World::new();
        world.round('1', &before);
        let mut sorted = files.clone();
        sorted.sort_by(|left, right| left.path.cmp(&right.path));
        prop_assert_eq!(read_here(&files), read_here(&sorted));
        prop_assert_eq!(world.decide(&commit('2'), &files).plan, world.decide(&commit('2'), &sorted).plan);
    }

    #[test]
    fn only_what_is_recorded_is_deleted_and_never_most_of_it(
        before in any_files(),
        after in any_files(),
        forgotten in btree_set(0..40_usize, 0..4),
    ) {
        let mut world = World::new();
        world.put_foreign(&environment("e0"), "kubectl");
        world.round('1', &before);
        let status = world.sync.status.as_mut().unwrap();
        let mut at = 0;
        status.inventory.retain(|_| { at += 1; !forgotten.contains(&(at - 1)) });
        let recorded: Vec<String> = status.inventory.iter().map(|entry| entry.uid.clone()).collect();
        let plan = world.decide(&commit('2'), &after).plan;
        let deleted: Vec<&String> = plan
            .steps
            .iter()
            .filter_map(|step| if let Step::Delete { uid, .. } = step { Some(uid) } else { None })
            .collect();
        prop_assert!(deleted.iter().all(|uid| recorded.contains(uid)));
        prop_assert!(deleted.len() <= FREELY_PRUNED || deleted.len() * 2 <= recorded.len());
    }

    #[test]
    fn objects_of_others_are_never_touched(revisions in vec(any_files(), 1..5)) {
        let mut world = World::new();
        for number in [0, 3, 7] {
            world.put_foreign(&environment(&format!("e{number}")), "kubectl");
        }
        let before = world.objects.clone();
        for (digit, files) in ('1'..).zip(&revisions) {
            world.round(digit, files);
        }
        prop_assert_eq!(&world.objects[..3], &before[..]);
    }

    #[test]
    fn what_a_bad_file_declared_before_stays(good in any_file(), bad in any_mistake()) {
        let mut world = World::new();
        world.round('1', &[file("a.yaml", &good), file("b.yaml", &service_repo("other"))]);
        let before = world.objects.clone();
        world.round('2', &[file("a.yaml", &bad), file("b.yaml", &service_repo("other"))]);
        prop_assert_eq!(&world.objects, &before);
    }
}

fn any_mistake() -> impl Strategy<Value = String> {
    let mistakes = ["kind: [\n", "a: 1\na: 2\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"];
    let misspelt = environment("renamed").replace("profile", "profil");
    proptest::sample::select(mistakes.map(str::to_owned).into_iter().chain([misspelt]).collect::<Vec<_>>())
}
