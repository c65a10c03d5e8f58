//! A `DevEnvironment` in each of its states, told by `plan` in a world of values.

use serde_json::json;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::desired::Identity;
use slipway_plan::environment::decide::Refusal;
use slipway_plan::environment::namespace;
use slipway_plan::integration::result::StoredResult;
use slipway_plan::integration::store;
use slipway_plan::object::{ObjectKey, Observed};

use crate::states::{Kstatus, State, deleted};
use crate::support::{Sources, Story, at, environment, fleet};

const RUN: &str = "integration: {service: www, commit: main}\n";

fn story(spec: &str) -> Story {
    let integration = "integration: {cmd: make test, dependencies: [api]}\n";
    let sources = Sources::default()
        .service("www", &format!("run: {{ports: [80]}}\ndependencies: [api]\n{integration}"))
        .service("api", "run: {ports: [8000]}\n")
        .branch("www", "main", true)
        .branch("api", "fix", false);
    Story { environment: environment(spec), fleet: fleet(""), sources, ..Story::empty() }
}

fn ran(spec: &str) -> Story {
    let mut story = story(spec);
    story.run(at(0));
    story
}

fn annotated(mut story: Story, name: &str) -> Story {
    story.environment.metadata.annotations = Some([(name.to_owned(), at(10).to_string())].into());
    story
}

fn of(name: &'static str, story: &Story, kstatus: Kstatus) -> State {
    State::of(name, &story.environment, kstatus)
}

/// Nothing is done yet but what is said.
fn begun(spec: &str) -> Story {
    let mut story = story(spec);
    story.look(at(0));
    story.look(at(1));
    story
}

/// A run whose tests have ended with this code.
fn tested(exit_code: i32) -> Story {
    let mut story = ran(RUN);
    let identity = Identity {
        fleet_namespace: "fleet".to_owned(),
        name: "demo".to_owned(),
        uid: "uid-of-demo".to_owned(),
        namespace: namespace::name("fleet", "demo"),
    };
    let stored = StoredResult { exit_code: Some(exit_code), ..StoredResult::default() };
    let result = store::build(&identity, 1, stored, "", Vec::new()).unwrap();
    let key = ObjectKey {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: Some("fleet".to_owned()),
        name: result.metadata.name.clone().unwrap(),
    };
    story.world.objects.push(Observed { key, body: serde_json::to_value(result).unwrap() });
    story.run(at(20));
    // What is recorded now ends the environment at the next look.
    story.run(at(21));
    story
}

fn leaving(mut story: Story) -> DevEnvironment {
    story.environment = deleted(story.environment);
    story.look(at(20));
    story.environment
}

pub fn all() -> Vec<State> {
    let mut edited = ran("services: [www]\n");
    edited.environment.metadata.generation = Some(2);
    let mut refused = ran("services: [www]\n");
    refused.refused = Some(Refusal::Refused("failed to create Service env/www: quota".to_owned()));
    refused.look(at(10));
    let mut stopping = annotated(ran("services: [www]\n"), names::STOPPED_AT);
    stopping.look(at(10));
    let mut stopped = stopping.clone();
    stopped.run(at(20));
    let mut restarted = stopped.clone();
    restarted.environment.metadata.annotations = None;
    restarted.look(at(30));
    let mut expired = ran("services: [www]\nttl: 60s\n");
    expired.run(at(60));
    let mut cut_short = annotated(ran(RUN), names::STOPPED_AT);
    cut_short.run(at(20));
    vec![
        State::new("new", &environment("services: [www]\n")),
        of("starting", &begun("services: [www]\n"), Kstatus::InProgress),
        of("ready", &ran("services: [www]\n"), Kstatus::Current),
        of("edited", &edited, Kstatus::InProgress),
        of("image-missing", &ran("services: [www]\nbranches: {api: fix}\n"), Kstatus::InProgress),
        of("refused", &refused, Kstatus::InProgress),
        of("branch-missing", &ran("services: [www]\nbranches: {www: gone}\n"), Kstatus::Failed),
        of("stopping", &stopping, Kstatus::InProgress),
        of("stopped", &stopped, Kstatus::Current),
        of("restarted", &restarted, Kstatus::InProgress),
        of("expired", &expired, Kstatus::Current),
        of("preparing", &begun(RUN), Kstatus::InProgress),
        of("testing", &ran(RUN), Kstatus::InProgress),
        of("passed", &tested(0), Kstatus::Current),
        of("failed", &tested(2), Kstatus::Failed),
        of("cut-short", &cut_short, Kstatus::Current),
        State::of("deleted", &leaving(ran("services: [www]\n")), Kstatus::Terminating),
    ]
}

/// A state is what its name says only if its environment is where the name says.
#[test]
fn each_state_is_the_one_that_its_name_says() {
    let all = all();
    let found = |name: &str| all.iter().find(|state| state.name == name).unwrap().object["status"].clone();
    assert_eq!(found("testing")["integration"]["step"], "Running");
    assert_eq!(found("passed")["integration"]["outcome"], "Passed");
    assert_eq!(found("failed")["integration"]["outcome"], "Failed");
    assert_eq!(found("cut-short")["integration"]["outcome"], "Error");
    assert_eq!(found("expired")["ended"]["reason"], "Expired");
    assert_eq!(found("image-missing")["blockedBy"][0]["reason"], "ImageNotFound");
    assert_eq!(found("stopped")["conditions"].as_array().unwrap().len(), 1);
    assert_eq!(found("stopped")["conditions"][0]["type"], json!("Ended"));
}
