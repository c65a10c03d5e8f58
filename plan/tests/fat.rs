//! Services whose images are built, in an environment: the agent is the first process, and what it needs is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_crds::v1alpha1::ServiceStart;
use slipway_plan::environment::decide::Act;
use slipway_plan::object::Observed;
use support::{Sources, Story, at, commit, environment, fleet};

const FLEET: &str =
    "base: \"{registry}/base:1\"\nops: {url: \"https://git.example.com/ops.git\"}\nbuilds: {timeout: 10m}\n";
const MANIFEST: &str = "name: www\nrun: {ports: [80], health: {http: /ping}, mount: /srv/www, env: {COLOUR: green}}\n\
    roles: {web: {}, worker: {command: 'exec bin/worker $HOME'}, nightly: {command: make etl, schedule: \"0 3 * * *\"}}\n";
const IMAGE: &str = "registry/www@sha256:c0ffee";

fn story(spec: &str) -> Story {
    let trunk = commit("www", "trunk");
    let sources = Sources {
        manifests: [(("www".to_owned(), trunk.clone()), MANIFEST.to_owned())].into(),
        commits: [(("www".to_owned(), String::new()), trunk)].into(),
        ops: Some("91ab".to_owned()),
        every_build: Some(IMAGE.to_owned()),
        ..Sources::default()
    };
    Story { environment: environment(spec), fleet: fleet(FLEET), sources, ..Story::empty() }
}

fn found<'a>(story: &'a Story, kind: &str, name: &str) -> &'a Observed {
    story.world.objects.iter().find(|object| object.key.kind == kind && object.key.name == name).unwrap()
}

fn template(story: &Story, name: &str) -> Value {
    found(story, "Deployment", name).body["spec"]["template"].clone()
}

fn order(template: &Value) -> Value {
    let command = &template["spec"]["containers"][0]["command"];
    assert_eq!((&command[0], &command[1]), (&json!("/slipway/agent"), &json!("init")));
    serde_json::from_str(command[2].as_str().unwrap()).unwrap()
}

fn ran(spec: &str) -> Story {
    let mut story = story(spec);
    story.run(at(0));
    story
}

#[test]
fn the_pod_of_a_built_service_is_as_it_is_written() {
    let written = serde_yaml::to_string(&template(&ran("services: [www]\n"), "www-web")).unwrap();
    assert_eq!(written, include_str!("golden/fat-pod.yaml"), "{written}");
}

#[test]
fn a_role_with_a_command_runs_that_and_one_with_a_schedule_runs_it_once() {
    let story = ran("services: [www]\n");
    assert_eq!(order(&template(&story, "www-web"))["instead"], Value::Null);
    assert_eq!(
        order(&template(&story, "www-worker"))["instead"],
        json!({"service": "exec bin/worker $$HOME"})
    );
    let job = found(&story, "CronJob", "www-nightly").body["spec"]["jobTemplate"]["spec"]["template"].clone();
    assert_eq!(order(&job)["instead"], json!({"once": "make etl"}));
    assert_eq!(job["spec"]["containers"][0]["startupProbe"], Value::Null);
}

#[test]
fn an_environment_may_have_an_ops_commit_of_its_own() {
    let story = ran("services: [www]\nops: fix-nginx\n");
    let template = template(&story, "www-web");
    assert_eq!(order(&template)["identity"]["opsSha"], "fix-nginx");
    assert_eq!(template["metadata"]["annotations"]["slipway.dev/ops-commit"], "fix-nginx");
}

#[test]
fn the_pods_of_built_services_reach_the_operator_and_no_others_do() {
    let story = ran("services: [www]\n");
    let policy = &found(&story, "NetworkPolicy", "sources").body["spec"];
    let selector = json!([{"key": "slipway.dev/built", "operator": "Exists"}]);
    assert_eq!(policy["podSelector"]["matchExpressions"], selector);
    assert_eq!(policy["egress"][1]["to"][0]["ipBlock"]["cidr"], "10.0.0.1/32");
}

#[test]
fn how_a_container_came_up_is_in_the_status_and_nothing_is_written_for_it() {
    let mut story = ran("services: [www]\n");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "www-web-1", "uid": "pod-uid",
        "annotations": template(&story, "www-web")["metadata"]["annotations"]}});
    let key = slipway_plan::object::ObjectKey {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: found(&story, "Deployment", "www-web").key.namespace.clone(),
        name: "www-web-1".to_owned(),
    };
    story.world.objects.push(Observed { key, body: pod.into() });
    let start = ServiceStart { pod: "pod-uid".to_owned(), delta_seconds: Some(4), ..ServiceStart::default() };
    story.starts = BTreeMap::from([("www".to_owned(), start.clone())]);
    let decision = story.look(at(60));
    assert_eq!(decision.status.lock[0].start, Some(start.clone()));
    assert_eq!(decision.act, Act::Wait);
    story.starts.clear();
    assert_eq!(
        story.look(at(61)).status.lock[0].start,
        Some(start),
        "an operator that was started again knows it"
    );
}
