//! Trials as stories, and what holds for all of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use slipway_crds::v1alpha1::{
    BuildInputs, BuildOutcome, BuildStep, ProvisionState, Provisioned, ServiceBuildStatus, TrialPhase,
};

use super::say::held;
use super::{Next, OpsFacts, OpsState, Seen, Subject, Tried, Wanted, next, superfluous};
use crate::build::inputs;
use crate::service_name::ServiceName;

mod properties;

const SERVICES: [&str; 3] = ["api", "ats", "www"];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn named(service: &str) -> ServiceName {
    ServiceName::parse(service).unwrap()
}

fn made_of(service: &str, commit: &str, ops: &str) -> (BuildInputs, String) {
    let inputs =
        BuildInputs { commit: commit.to_owned(), ops_commit: ops.to_owned(), base: "base".to_owned() };
    let name = inputs::name(&named(service), &inputs);
    (inputs, name)
}

fn asked(decided: &Next) -> Vec<(&str, &str)> {
    decided.ask.iter().map(|wanted| (wanted.service.as_str(), wanted.commit.as_str())).collect()
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
        let at = |(service, commit): (&String, &String)| (named(service), Subject::At(commit.clone()));
        let services = self.commits.iter().map(at).collect();
        let (head, base) = (self.head.clone(), Ok("base".to_owned()));
        OpsFacts { head, base, services, builds: self.builds.clone() }
    }

    fn make(&mut self, service: &str, commit: &str, ops: &str) {
        let (inputs, name) = made_of(service, commit, ops);
        let status = ServiceBuildStatus { inputs: Some(inputs), ..ServiceBuildStatus::default() };
        let made = at(i64::try_from(self.builds.len()).unwrap());
        self.builds.push(Seen { name, service: service.to_owned(), made, status });
    }

    /// One look, and what it asks for is made.
    fn look(&mut self) -> Next {
        let decided = next(&self.state, &self.facts(), at(0));
        self.state = decided.state.clone();
        for wanted in &decided.ask {
            self.make(&wanted.service, &wanted.commit, &wanted.ops_commit);
            assert_eq!(self.builds.last().unwrap().name, wanted.build);
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
    assert_eq!(world.look().state, OpsState::default());
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
    assert_eq!(asked(&world.look()), [("api", "c1"), ("www", "c1")]);
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
    world.builds[1].status.provisioned = Some(Provisioned { failed: vec![state], ..Provisioned::default() });
    world.look();
    assert_eq!(world.accepted(), Some("old"));
    let told = held(&world.state).unwrap();
    let expected = "ops commit new: service www: state `nginx (pkg.installed)` failed: no such package; environments stay at old";
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
fn a_service_that_was_never_built_holds_nothing_back() {
    let mut world = World::moved(&["api", "www"]);
    world.make("www", "c1", "old");
    world.look();
    world.end(|service, _, _| service == "www");
    world.look();
    assert_eq!(world.accepted(), Some("new"));
    let why = "built with it: api; left out, they cannot be built anyway: www";
    assert_eq!(world.state.why.as_deref(), Some(why));
}

#[test]
fn of_a_service_whose_trunk_is_broken_the_last_good_commit_is_tried() {
    let broken = |bad_ops: bool| {
        let mut world = World::moved(&["www"]);
        world.make("www", "c1", "old");
        world.commits.insert("www".to_owned(), "c2".to_owned());
        world.make("www", "c2", "old");
        world.end(|_, commit, _| commit == "c2");
        assert_eq!(asked(&world.look()), [("www", "c2")]);
        world.end(|_, _, _| true);
        assert_eq!(asked(&world.look()), [("www", "c1")]);
        world.end(|_, _, _| bad_ops);
        world.look();
        world
    };
    assert_eq!(broken(false).accepted(), Some("new"));
    let held_back = broken(true);
    assert_eq!((held_back.accepted(), held_back.phases()), (Some("old"), vec![("www", TrialPhase::Failed)]));
}

#[test]
fn what_cannot_be_built_is_left_out_and_what_is_not_known_is_waited_for() {
    let world = World::moved(&["api"]);
    let with = |subject: Subject| {
        let services = BTreeMap::from([(named("api"), subject)]);
        next(&world.state, &OpsFacts { services, ..world.facts() }, at(0))
    };
    assert_eq!(with(Subject::Unfit("no manifest".to_owned())).state.accepted.as_deref(), Some("new"));
    let waits = with(Subject::Unknown("not read yet".to_owned()));
    assert_eq!((waits.state.accepted.as_deref(), waits.ask), (Some("old"), Vec::new()));
    let base = Err("there is no base image".to_owned());
    let waits = next(&world.state, &OpsFacts { base, ..world.facts() }, at(0));
    assert_eq!((waits.state.accepted.as_deref(), &waits.ask), (Some("old"), &Vec::new()));
    assert!(held(&waits.state).unwrap().message.contains("service api waits: there is no base image"));
}

#[test]
fn a_newer_commit_of_the_service_is_tried_only_when_the_older_failed() {
    let mut world = World::moved(&["www"]);
    world.look();
    world.commits.insert("www".to_owned(), "c2".to_owned());
    assert_eq!(world.look().ask, []);
    world.end(|_, commit, _| commit == "c1");
    assert_eq!(asked(&world.look()), [("www", "c2")]);
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
    assert_eq!(asked(&world.look()), [("www", "c1")]);
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
