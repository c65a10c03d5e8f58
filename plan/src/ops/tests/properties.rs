//! What holds for all trials, whatever happens between two looks.

use std::collections::BTreeSet;

use proptest::prelude::*;
use slipway_crds::v1alpha1::BuildOutcome;

use super::{SERVICES, World, at, held, made_of, next};

/// What happens between two looks.
#[derive(Clone, Debug)]
enum Event {
    Push(u8),
    Away,
    Commit(usize, u8),
    /// An environment asks for the image of a service's trunk.
    Asked(usize),
    End,
    Lost(usize),
    Look,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0_u8..4).prop_map(Event::Push),
        Just(Event::Away),
        (0_usize..3, 0_u8..3).prop_map(|(service, commit)| Event::Commit(service, commit)),
        (0_usize..3).prop_map(Event::Asked),
        Just(Event::End),
        (0_usize..4).prop_map(Event::Lost),
        Just(Event::Look),
        Just(Event::Look),
    ];
    proptest::collection::vec(event, 0..50)
}

/// What cannot be built: services with an ops commit, and services at a commit.
#[derive(Clone, Debug)]
struct Bad {
    ops: BTreeSet<(usize, u8)>,
    commits: BTreeSet<(usize, u8)>,
}

impl Bad {
    fn ops(&self, service: &str, ops: &str) -> bool {
        self.ops.iter().any(|(of, bad)| SERVICES[*of] == service && ops == format!("o{bad}"))
    }

    fn commit(&self, service: &str, commit: &str) -> bool {
        self.commits.iter().any(|(of, bad)| SERVICES[*of] == service && commit == format!("d{bad}"))
    }
}

fn bad() -> impl Strategy<Value = Bad> {
    let ops = proptest::collection::btree_set((0_usize..3, 0_u8..4), 0..4);
    let commits = proptest::collection::btree_set((0_usize..3, 0_u8..3), 0..3);
    (ops, commits).prop_map(|(ops, commits)| Bad { ops, commits })
}

fn happen(world: &mut World, event: &Event, bad: &Bad) {
    match event {
        Event::Push(ops) => world.push(&format!("o{ops}")),
        Event::Away => world.head = None,
        Event::Commit(service, commit) => {
            world.commits.insert(SERVICES[*service].to_owned(), format!("d{commit}"));
        }
        Event::Asked(service) => {
            let service = SERVICES[*service];
            let (commit, ops) = (world.commits[service].clone(), world.accepted().unwrap_or("o0").to_owned());
            if !world.builds.iter().any(|seen| seen.name == made_of(service, &commit, &ops).1) {
                world.make(service, &commit, &ops);
            }
        }
        Event::End => world.end(|service, commit, ops| bad.ops(service, ops) || bad.commit(service, commit)),
        Event::Lost(which) if *which < world.builds.len() => drop(world.builds.remove(*which)),
        Event::Lost(_) => {}
        Event::Look => drop(world.look()),
    }
}

/// Whether a service was built with an ops commit.
fn was_built(world: &World, service: &str, ops: &str) -> bool {
    world.builds.iter().any(|seen| {
        seen.service == service
            && seen.status.outcome == Some(BuildOutcome::Succeeded)
            && seen.status.inputs.as_ref().is_some_and(|inputs| inputs.ops_commit == ops)
    })
}

proptest! {
    #[test]
    fn the_default_never_moves_to_what_a_service_that_was_built_cannot_be_built_with(
        events in events(),
        bad in bad(),
    ) {
        let mut world = World::new(&SERVICES);
        for event in &events {
            let before = world.clone();
            happen(&mut world, event, &bad);
            let Some(older) = before.accepted().filter(|older| Some(*older) != world.accepted()) else { continue };
            let now = world.accepted().unwrap();
            for service in SERVICES {
                let breaks = bad.ops(service, now) && was_built(&before, service, older);
                prop_assert!(!breaks, "{service} is broken by {now}: {before:?}", before = before.state);
            }
        }
    }

    #[test]
    fn it_always_gets_there(events in events(), bad in bad()) {
        let mut world = World::new(&SERVICES);
        for event in &events {
            happen(&mut world, event, &bad);
        }
        world.push("o0");
        for _ in 0..6 {
            world.look();
            happen(&mut world, &Event::End, &bad);
        }
        let is_good = SERVICES.iter().all(|service| {
            !bad.ops(service, "o0") && !bad.commit(service, &world.commits[*service])
        });
        match held(&world.state) {
            None => prop_assert_eq!(world.accepted(), Some("o0")),
            Some(held) => prop_assert!(held.failed && !is_good, "held back: {:?}", world.state),
        }
    }

    #[test]
    fn a_look_at_the_same_facts_changes_nothing(events in events(), bad in bad()) {
        let mut world = World::new(&SERVICES);
        for event in &events {
            happen(&mut world, event, &bad);
            let once = next(&world.state, &world.facts(), at(0));
            let again = next(&once.state, &world.facts(), at(9));
            prop_assert_eq!(&once, &again);
        }
    }
}
