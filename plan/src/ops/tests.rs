//! Trials as stories, and what holds for all of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use slipway_crds::v1alpha1::{
    BuildInputs, BuildOutcome, BuildStep, ProvisionState, Provisioned, ServiceBuildStatus, TrialPhase,
};

use super::say::held;
use super::{Next, OpsFacts, OpsState, Seen, Subject, Tried, Wanted, next, superfluous};

const SERVICES: [&str; 3] = ["api", "ats", "www"];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

/// Services with their commits, the trunk of the ops repository, and the builds there are.
#[derive(Clone)]
struct World {
    head: Option<String>,
    commits: BTreeMap<String, String>,
    builds: Vec<Seen>,
    state: OpsState,
}

impl World {
    fn new(services: &[&str]) -> Self {
        let commits = services.iter().map(|service| ((*service).to_owned(), "c1".to_owned())).collect();
        Self { head: None, commits, builds: Vec::new(), state: OpsState::default() }
    }

    /// With a default, and a newer commit.
    fn moved(services: &[&str]) -> Self {
        let mut world = Self::new(services);
        world.push("old");
        world.look();
        world.push("new");
        world
    }

    fn push(&mut self, ops: &str) {
        self.head = Some(ops.to_owned());
    }

    fn facts(&self) -> OpsFacts {
        let seen = self.state.candidate.as_ref().map(|candidate| candidate.commit.clone());
        let ops = self.head.clone().or(seen).unwrap_or_default();
        let subject = |(service, commit): (&String, &String)| {
            let build = format!("{service}-{commit}-{ops}");
            (service.clone(), Subject::Known { commit: commit.clone(), build })
        };
        let services = self.commits.iter().map(subject).collect();
        OpsFacts { head: self.head.clone(), services, builds: self.builds.clone() }
    }

    /// One look, and what it asks for is made.
    fn look(&mut self) -> Next {
        let decided = next(&self.state, &self.facts(), at(0));
        self.state = decided.state.clone();
        for Wanted { build, service, commit, ops_commit } in decided.ask.clone() {
            let inputs = BuildInputs { commit, ops_commit, base: "base".to_owned() };
            let status = ServiceBuildStatus { inputs: Some(inputs), ..ServiceBuildStatus::default() };
            self.builds.push(Seen { name: build, service, status });
        }
        decided
    }

    /// Builds that go on end: badly when `is_bad` says so of service, commit and ops commit.
    fn end(&mut self, is_bad: impl Fn(&str, &str, &str) -> bool) {
        for seen in self.builds.iter_mut().filter(|seen| seen.status.outcome.is_none()) {
            let inputs = seen.status.inputs.clone().unwrap();
            let fails = is_bad(&seen.service, &inputs.commit, &inputs.ops_commit);
            let outcome = if fails { BuildOutcome::Failed } else { BuildOutcome::Succeeded };
            seen.status.outcome = Some(outcome);
            seen.status.step = BuildStep::Finished;
        }
    }

    fn accepted(&self) -> Option<&str> {
        self.state.accepted.as_deref()
    }

    fn phases(&self) -> Vec<(&str, TrialPhase)> {
        let trials = self.state.candidate.iter().flat_map(|candidate| &candidate.trials);
        trials.map(|trial| (trial.service.as_str(), trial.phase)).collect()
    }
}

#[test]
fn the_first_commit_is_taken_as_it_is_and_says_so() {
    let mut world = World::new(&SERVICES);
    assert_eq!(world.look(), Next::default());
    world.push("old");
    assert_eq!(world.look().ask, []);
    assert_eq!(world.accepted(), Some("old"));
    assert!(world.state.why.unwrap().contains("it was the first"));
}

#[test]
fn without_services_that_are_built_a_commit_is_taken_at_once() {
    let mut world = World::moved(&[]);
    assert_eq!(world.look().ask, []);
    assert_eq!(world.accepted(), Some("new"));
}

#[test]
fn a_newer_commit_is_the_default_when_every_service_was_built_with_it() {
    let mut world = World::moved(&["api", "www"]);
    let asked: Vec<String> = world.look().ask.into_iter().map(|wanted| wanted.build).collect();
    assert_eq!(asked, ["api-c1-new", "www-c1-new"]);
    assert_eq!(world.look().ask, []);
    assert_eq!(world.accepted(), Some("old"));
    world.builds[0].status.outcome = Some(BuildOutcome::Succeeded);
    world.look();
    assert_eq!(world.accepted(), Some("old"));
    assert_eq!(world.phases(), [("api", TrialPhase::Passed), ("www", TrialPhase::Building)]);
    let told = held(&world.state).unwrap();
    let expected = "ops commit new is tried: 1 of 2 services are built; environments stay at old";
    assert_eq!((told.failed, told.message.as_str()), (false, expected));
    world.end(|_, _, _| false);
    world.look();
    assert_eq!(world.accepted(), Some("new"));
    assert_eq!((world.state.why.as_deref(), held(&world.state)), (Some("built with it: api, www"), None));
}

#[test]
fn a_commit_that_a_service_fails_with_is_held_back_and_the_state_is_named() {
    let mut world = World::moved(&["api", "www"]);
    world.look();
    world.end(|service, _, _| service == "www");
    let state = ProvisionState {
        id: "nginx (pkg.installed)".to_owned(),
        comment: "no such package".to_owned(),
        milliseconds: 1,
    };
    world.builds[1].status.provisioned =
        Some(Provisioned { failed: vec![state], ..Provisioned::default() });
    world.look();
    assert_eq!(world.accepted(), Some("old"));
    let told = held(&world.state).unwrap();
    let expected =
        "ops commit new: service www: state `nginx (pkg.installed)` failed: no such package; environments stay at old";
    assert_eq!((told.failed, told.message.as_str()), (true, expected));

    world.push("mended");
    world.look();
    world.end(|_, _, _| false);
    world.look();
    assert_eq!((world.accepted(), held(&world.state)), (Some("mended"), None));
}

#[test]
fn going_back_to_the_default_ends_the_trial() {
    let mut world = World::moved(&["www"]);
    world.look();
    world.push("old");
    world.look();
    assert_eq!((world.accepted(), &world.state.candidate), (Some("old"), &None));
}

#[test]
fn while_the_repository_cannot_be_read_the_trial_goes_on() {
    let mut world = World::moved(&["www"]);
    world.look();
    world.head = None;
    world.end(|_, _, _| false);
    world.look();
    assert_eq!(world.accepted(), Some("new"));
}

#[test]
fn a_service_that_fails_with_the_default_too_holds_nothing_back() {
    let mut world = World::moved(&["api", "www"]);
    world.builds.push(Seen {
        name: "www-c1-old".to_owned(),
        service: "www".to_owned(),
        status: ServiceBuildStatus {
            outcome: Some(BuildOutcome::Failed),
            inputs: Some(BuildInputs {
                commit: "c1".to_owned(),
                ops_commit: "old".to_owned(),
                base: "base".to_owned(),
            }),
            ..ServiceBuildStatus::default()
        },
    });
    world.look();
    world.end(|service, _, _| service == "www");
    world.look();
    assert_eq!(world.accepted(), Some("new"));
    assert_eq!(
        world.state.why.as_deref(),
        Some("built with it: api; left out, they cannot be built anyway: www")
    );
}

#[test]
fn what_cannot_be_built_is_left_out_and_what_is_not_known_is_waited_for() {
    let world = World::moved(&["api"]);
    let with = |subject: Subject| {
        let mut facts = world.facts();
        facts.services = BTreeMap::from([("api".to_owned(), subject)]);
        next(&world.state, &facts, at(0))
    };
    assert_eq!(with(Subject::Unfit("no manifest".to_owned())).state.accepted.as_deref(), Some("new"));
    let waits = with(Subject::Unknown("not read yet".to_owned()));
    assert_eq!((waits.state.accepted.as_deref(), waits.ask), (Some("old"), Vec::new()));
}

#[test]
fn a_newer_commit_of_the_service_is_tried_only_when_the_older_failed() {
    let mut world = World::moved(&["www"]);
    world.look();
    world.commits.insert("www".to_owned(), "c2".to_owned());
    assert_eq!(world.look().ask, []);
    world.end(|_, commit, _| commit == "c1");
    assert_eq!(world.look().ask[0].build, "www-c2-new");
    world.end(|_, commit, _| commit == "c1");
    world.look();
    assert_eq!(world.accepted(), Some("new"));
}

#[test]
fn a_build_that_is_gone_is_asked_for_again_unless_it_was_good() {
    let mut world = World::moved(&["api", "www"]);
    world.look();
    world.end(|service, _, _| service == "www");
    world.look();
    world.builds.clear();
    let asked: Vec<String> = world.look().ask.into_iter().map(|wanted| wanted.build).collect();
    assert_eq!(asked, ["www-c1-new"]);
}

#[test]
fn what_is_nobodys_fault_is_told_and_tried_again() {
    let mut world = World::moved(&["www"]);
    world.look();
    world.builds[0].status.outcome = Some(BuildOutcome::Error);
    world.builds[0].status.message = "the disk is full".to_owned();
    world.look();
    let told = held(&world.state).unwrap();
    assert!(!told.failed && told.message.contains("the disk is full"), "{told:?}");
    world.builds.clear();
    assert_eq!(world.look().ask.len(), 1);
}

#[test]
fn builds_of_a_commit_that_is_tried_no_more_go_unless_somebody_wants_them() {
    let tried = |build: &str, ops: &str, is_good| Tried {
        wanted: Wanted {
            build: build.to_owned(),
            service: "www".to_owned(),
            commit: build.to_owned(),
            ops_commit: ops.to_owned(),
        },
        is_good,
    };
    let mut world = World::moved(&["www"]);
    world.look();
    let all = [
        tried("default", "old", false),
        tried("tried", "new", false),
        tried("overtaken", "between", false),
        tried("image", "between", true),
        tried("asked", "between", false),
    ];
    let asked = BTreeSet::from([("www".to_owned(), "asked".to_owned(), "between".to_owned())]);
    assert_eq!(superfluous(&all, &world.state, &asked), ["overtaken"]);
}

/// What happens between two looks.
#[derive(Clone, Debug)]
enum Event {
    Push(u8),
    Away,
    Commit(usize, u8),
    End,
    Lost(usize),
    Look,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0_u8..4).prop_map(Event::Push),
        Just(Event::Away),
        (0_usize..3, 0_u8..3).prop_map(|(service, commit)| Event::Commit(service, commit)),
        Just(Event::End),
        (0_usize..4).prop_map(Event::Lost),
        Just(Event::Look),
        Just(Event::Look),
    ];
    proptest::collection::vec(event, 0..40)
}

/// Whether a service cannot be built, for a set of (service, ops commit).
fn is_bad<'a>(bad: &'a BTreeSet<(usize, u8)>) -> impl Fn(&str, &str, &str) -> bool + 'a {
    move |service, _, ops| {
        let service = SERVICES.iter().position(|known| *known == service).unwrap();
        bad.iter().any(|(of, commit)| *of == service && ops == format!("o{commit}"))
    }
}

fn happen(world: &mut World, event: &Event, bad: &BTreeSet<(usize, u8)>) {
    match event {
        Event::Push(ops) => world.push(&format!("o{ops}")),
        Event::Away => world.head = None,
        Event::Commit(service, commit) => {
            world.commits.insert(SERVICES[*service].to_owned(), format!("d{commit}"));
        }
        Event::End => world.end(is_bad(bad)),
        Event::Lost(which) if *which < world.builds.len() => drop(world.builds.remove(*which)),
        Event::Lost(_) => {}
        Event::Look => drop(world.look()),
    }
}

proptest! {
    #[test]
    fn the_default_moves_only_to_a_commit_that_every_service_was_built_with(
        events in events(),
        bad in proptest::collection::btree_set((0_usize..3, 0_u8..4), 0..4),
    ) {
        let mut world = World::new(&SERVICES);
        for event in &events {
            let before = world.state.clone();
            happen(&mut world, event, &bad);
            let moved = before.accepted.is_some() && before.accepted != world.state.accepted;
            if let Some(now) = world.accepted().filter(|_| moved) {
                for service in SERVICES {
                    let older = before.accepted.as_deref().unwrap();
                    let good = !is_bad(&bad)(service, "", now) || is_bad(&bad)(service, "", older);
                    prop_assert!(good, "{service} was not built with {now}: {before:?}");
                }
            }
        }
    }

    #[test]
    fn it_always_gets_there(
        events in events(),
        bad in proptest::collection::btree_set((0_usize..3, 0_u8..4), 0..4),
    ) {
        let mut world = World::new(&SERVICES);
        events.iter().for_each(|event| happen(&mut world, event, &bad));
        world.push("o0");
        for _ in 0..4 {
            world.look();
            world.end(is_bad(&bad));
        }
        let is_good = SERVICES.iter().all(|service| !is_bad(&bad)(service, "", "o0"));
        match &world.state.candidate {
            None => prop_assert_eq!(world.accepted(), Some("o0")),
            Some(_) => {
                prop_assert!(!is_good, "held back: {:?}", world.state);
                prop_assert!(held(&world.state).unwrap().failed);
            }
        }
    }

    #[test]
    fn a_look_at_the_same_facts_changes_nothing(events in events()) {
        let bad = BTreeSet::from([(0, 1)]);
        let mut world = World::new(&SERVICES);
        for event in &events {
            happen(&mut world, event, &bad);
            let once = next(&world.state, &world.facts(), at(0));
            let again = next(&once.state, &world.facts(), at(9));
            prop_assert_eq!(&once, &again);
        }
    }
}
