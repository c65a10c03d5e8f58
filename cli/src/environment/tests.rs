use serde_json::{Value, json};

use super::*;

fn environment(name: &str, more: &Value) -> DevEnvironment {
    let mut object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
        "metadata": {"name": name}, "spec": {"services": ["www"]}});
    for (key, value) in more.as_object().unwrap() {
        object[key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn with_status(name: &str, status: &Value) -> DevEnvironment {
    environment(name, &json!({"status": status}))
}

#[test]
fn ones_own_environment_is_named_after_the_user() {
    assert_eq!(own_name_of(Some("Emma.O'Neil")), Ok("dev-emma-o-neil".to_owned()));
    assert_eq!(own_name_of(Some(&"x".repeat(99))).unwrap().len(), 44);
    for nobody in [None, Some(""), Some("..")] {
        assert!(own_name_of(nobody).unwrap_err().0.contains("name the environment"));
    }
}

#[test]
fn parts_of_names_are_labels() {
    for (text, part) in [("fix/ETA_2", "fix-eta-2"), ("--a--", "a"), ("a-b-c", "a-b"), ("é", "")] {
        assert_eq!(name_part(text, 4.max(part.len())), part, "{text}");
    }
}

#[test]
fn the_origin_decides_who_may_change_it() {
    let metadata = |metadata: Value| environment("demo", &json!({"metadata": metadata}));
    let git = metadata(json!({"name": "demo", "labels": {"slipway.dev/gitsync": "fleet"},
        "annotations": {"slipway.dev/made-by": "x"}}));
    assert_eq!(origin(&git), Origin::Git("fleet".to_owned()));
    let own = metadata(json!({"name": "demo", "annotations": {"slipway.dev/made-by": "slipway start"}}));
    assert_eq!(origin(&own), Origin::CommandLine);
    assert_eq!(origin(&metadata(json!({"name": "demo"}))), Origin::Hand);
}

fn condition(type_: &str, status: &str) -> Value {
    json!({"type": type_, "status": status, "reason": "Reason", "message": "message",
        "lastTransitionTime": "2026-11-22T10:00:00Z"})
}

#[test]
fn a_state_is_one_word() {
    let conditions = |list: &[Value]| with_status("demo", &json!({"conditions": list}));
    assert_eq!(state(&environment("demo", &json!({}))).word(), "New");
    assert_eq!(state(&conditions(&[condition("Ready", "True")])).word(), "Ready");
    assert_eq!(state(&conditions(&[condition("Ready", "False")])).word(), "Starting");
    let stalled = conditions(&[condition("Ready", "False"), condition("Stalled", "True")]);
    assert_eq!(state(&stalled).word(), "Stalled");
    let ended = json!({"ended": {"reason": "Expired", "at": "2026-11-22T10:00:00Z", "generation": 1}});
    assert_eq!(state(&with_status("demo", &ended)).word(), "Expired");
    let metadata = json!({"name": "demo", "annotations": {"slipway.dev/stopped-at": "2026-11-22T10:00:00Z"}});
    let stopping = json!({"metadata": metadata, "status": {"conditions": [condition("Ready", "True")]}});
    assert_eq!(state(&environment("demo", &stopping)).word(), "Stopping");
}

#[test]
fn without_a_name_ones_own_is_meant_or_the_only_one_that_runs() {
    let ready = || with_status("demo", &json!({"conditions": [condition("Ready", "True")]}));
    let run =
        || environment("test-www-1", &json!({"spec": {"integration": {"service": "www", "commit": "1"}}}));
    let mine = || environment("dev-emma", &json!({}));
    let name =
        |all: Vec<DevEnvironment>| guess(Some("dev-emma"), &all, "fleet").map(|found| found.name_any());
    assert_eq!(name(vec![ready(), mine()]), Ok("dev-emma".to_owned()));
    assert_eq!(name(vec![ready(), run()]), Ok("demo".to_owned()));
    let refusal = name(vec![ready(), environment("other", &json!({}))]).unwrap_err().0;
    assert_eq!(refusal, "there is no environment dev-emma in namespace fleet\n  name one of: demo, other");
    assert!(name(Vec::new()).unwrap_err().0.contains("slipway start SERVICE"));
}

#[test]
fn a_service_that_does_not_run_is_told_with_those_that_do() {
    let environment: DevEnvironment = serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
        "kind": "DevEnvironment", "metadata": {"name": "demo"}, "spec": {"services": ["www"]},
        "status": {"lock": [{"service": "www", "why": "w", "ready": true}]}}))
    .unwrap();
    let refused = |services: &[&str]| {
        let services: Vec<_> = services.iter().map(|&service| service.to_owned()).collect();
        refuse_unknown(&environment, &services, &["tests"], "slipway").map_err(|usage| usage.0)
    };
    assert_eq!(refused(&["www", "tests"]), Ok(()));
    let expected = "demo does not run wwww; it runs: www\n  add it: slipway start wwww --env demo";
    assert_eq!(refused(&["wwww"]), Err(expected.to_owned()));
}
