//! What keeps environments apart, and what of the Fleet's credentials reaches them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::{Value, json};
use slipway_crds::{conditions, names, reasons};
use slipway_plan::environment::decide::Act;
use slipway_plan::object::Observed;
use slipway_plan::pull_secret::{KEY, PullSecret, PullSecretProblem, TYPE};
use support::{Sources, Story, at, environment, fleet};

const FLEET: &str = "stores: [{name: redis, image: redis, ports: [6379], data: /data}]\n";
const CANARY: &str = "canary-5f1b";

fn story(spec: &str, more: &str) -> Story {
    let sources = Sources::default().service(
        "www",
        "run: {ports: [80]}\ndependencies: [local]\nroles: {web: {}, nightly: {command: etl, schedule: \"0 3 * * *\"}}\n\
         integration: {cmd: test, dependencies: [local, www]}\n",
    );
    Story {
        environment: environment(spec),
        fleet: fleet(&format!("{FLEET}{more}")),
        sources,
        ..Story::empty()
    }
}

fn secret(password: &str) -> PullSecret {
    let config = json!({"auths": {"registry:5000": {"username": "fleet", "password": password}}});
    let data = [(KEY.to_owned(), k8s_openapi::ByteString(config.to_string().into_bytes()))].into();
    PullSecret::parse("registry", Some(TYPE), &data).unwrap()
}

fn found<'a>(story: &'a Story, kind: &str, name: &str) -> Option<&'a Observed> {
    story.world.objects.iter().find(|object| object.key.kind == kind && object.key.name == name)
}

fn spec_of(story: &Story, policy: &str) -> String {
    serde_yaml::to_string(&found(story, "NetworkPolicy", policy).unwrap().body["spec"]).unwrap()
}

#[test]
fn an_environment_reaches_itself_names_and_the_internet_and_is_reached_by_itself() {
    let mut story = story("services: [www]\n", "");
    story.run(at(0));
    assert_eq!(spec_of(&story, "environment"), include_str!("golden/environment-policy.yaml"));
    assert!(found(&story, "NetworkPolicy", "delivery").is_none(), "nothing in it delivers anything");
}

#[test]
fn what_the_fleet_opens_is_open_and_no_more() {
    let mut story =
        story("services: [www]\n", "network: {egress: [10.20.0.0/16], ingress: [ingress-nginx]}\n");
    story.run(at(0));
    assert_eq!(spec_of(&story, "environment"), include_str!("golden/opened-policy.yaml"));
}

#[test]
fn only_the_pod_that_delivers_a_result_reaches_the_operator() {
    let mut story = story("integration: {service: www, commit: fix}\n", "");
    story.sources = story.sources.branch("www", "fix", true);
    story.look(at(0));
    story.look(at(0));
    assert_eq!(spec_of(&story, "delivery"), include_str!("golden/delivery-policy.yaml"));
}

#[test]
fn a_policy_that_somebody_removes_is_made_again() {
    let mut story = story("services: [www]\n", "");
    story.run(at(0));
    story.world.objects.retain(|object| object.key.kind != "NetworkPolicy");
    assert!(story.run(at(10)).starts_with("+ NetworkPolicy"));
}

#[test]
fn every_pod_pulls_with_a_copy_of_the_fleets_secret_which_goes_with_it() {
    let mut story = story("services: [www]\n", "pullSecret: registry\n");
    story.pull_secret = Some(Ok(secret(CANARY)));
    let told = story.run(at(0));
    assert!(!told.contains(CANARY), "{told}");
    let copy = &found(&story, "Secret", names::PULL_SECRET).unwrap().body;
    assert_eq!(
        (&copy["type"], &copy["metadata"]["labels"][names::ENVIRONMENT]),
        (&json!(TYPE), &json!("demo"))
    );
    let pods = [
        ("Deployment", "www-web", "/spec/template/spec"),
        ("CronJob", "www-nightly", "/spec/jobTemplate/spec/template/spec"),
        ("StatefulSet", "local", "/spec/template/spec"),
    ];
    for (kind, name, path) in pods {
        let pod = found(&story, kind, name).unwrap().body.pointer(path).unwrap();
        assert_eq!(pod["imagePullSecrets"], json!([{"name": names::PULL_SECRET}]), "{kind} {name}");
    }

    story.pull_secret = Some(Ok(secret("changed")));
    assert_eq!(story.run(at(10)).lines().count(), 1, "a new password changes the copy and nothing else");

    story.fleet.pull_secret = None;
    story.pull_secret = None;
    assert!(story.run(at(20)).contains("- Secret"), "the copy goes when the Fleet has none");
}

#[test]
fn a_missing_secret_is_told_and_harms_nothing_that_runs() {
    let mut story = story("services: [www]\n", "pullSecret: registry\n");
    story.pull_secret = Some(Ok(secret(CANARY)));
    story.run(at(0));
    story.pull_secret = Some(Err(PullSecretProblem::Missing("registry".to_owned())));
    let decision = story.look(at(10));
    assert_eq!(decision.act, Act::Wait);
    let ready = conditions::find(&decision.status.conditions, conditions::READY).unwrap();
    assert_eq!(ready.reason, reasons::PULL_SECRET_NOT_FOUND);
    assert!(ready.message.contains("kubectl create secret docker-registry registry"), "{}", ready.message);
    assert!(decision.again.is_some(), "nothing tells when it comes: it is looked for again");
    let told: Value = serde_json::to_value(&decision.status).unwrap();
    assert!(!told.to_string().contains(CANARY));
}
