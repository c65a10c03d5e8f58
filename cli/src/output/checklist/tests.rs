use serde_json::{Value, json};

use super::*;

const COMMIT: &str = "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0";

fn environment(spec: &Value, lock: &Value, blocked_by: &Value) -> DevEnvironment {
    serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
        "metadata": {"name": "demo"}, "spec": spec,
        "status": {"services": "0/2", "lock": lock, "blockedBy": blocked_by}}))
    .unwrap()
}

fn starting(www: &Value, blocked_by: &Value) -> DevEnvironment {
    let lock = json!([{"service": "local", "why": "stateful pod of the Fleet", "ready": true}, www]);
    environment(&json!({"services": ["www"]}), &lock, blocked_by)
}

fn www(image: Option<&str>, ready: bool) -> Value {
    json!({"service": "www", "commit": COMMIT, "why": "branch fix", "image": image, "ready": ready})
}

fn pods(commit: &str, state: &Value) -> Pods {
    let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "www-1",
        "labels": {"slipway.dev/service": "www"}, "annotations": {"slipway.dev/commit": commit}},
        "status": {"containerStatuses": [{"name": "www", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": state}]}}))
    .unwrap();
    Pods::from([("www-1".to_owned(), pod)])
}

fn lines(environment: &DevEnvironment, pods: &Pods) -> Vec<String> {
    checklist(environment, pods).rows.iter().map(|row| line(row, 5, Colours::default())).collect()
}

#[test]
fn it_fills_in_from_left_to_right() {
    let none = Pods::new();
    let second = |www: &Value, pods: &Pods| lines(&starting(www, &json!([])), pods).remove(1);
    assert_eq!(second(&www(None, false), &none), "www    3f2c1ab0  image …  container …  health …");
    assert_eq!(second(&www(Some("i"), false), &none), "www    3f2c1ab0  image ✓  container …  health …");
    let running = pods(COMMIT, &json!({"running": {}}));
    assert_eq!(second(&www(Some("i"), false), &running), "www    3f2c1ab0  image ✓  container ✓  health …");
    assert_eq!(second(&www(Some("i"), true), &none), "www    3f2c1ab0  image ✓  container ✓  health ✓");
}

#[test]
fn the_stateful_pod_has_neither_commit_nor_image() {
    let all = lines(&starting(&www(None, false), &json!([])), &Pods::new());
    assert_eq!(all[0], "local  –         image –  container ✓  health ✓");
}

#[test]
fn a_pod_of_another_commit_is_no_progress() {
    let old = pods("0000", &json!({"running": {}}));
    assert!(lines(&starting(&www(Some("i"), false), &json!([])), &old)[1].contains("container …"));
}

#[test]
fn what_is_in_the_way_is_told_in_its_first_line() {
    let wait = |message: &str| json!([{"what": "service www", "reason": "PodNotReady", "message": message, "since": "2026-11-22T10:00:00Z"}]);
    let told = |message| lines(&starting(&www(Some("i"), false), &wait(message)), &Pods::new()).remove(1);
    assert!(told("it crashed\nand more").ends_with("health …  it crashed"));
    assert!(told("www is starting").ends_with("health …"));
    let head = |message| checklist(&starting(&www(Some("i"), false), &wait(message)), &Pods::new()).head;
    assert_eq!(head("it crashed\nand more"), "0/2 ready; www: it crashed");
    assert_eq!(head("www is starting"), "0/2 ready");
}

#[test]
fn the_service_under_test_need_not_run() {
    let spec = json!({"integration": {"service": "www", "commit": COMMIT}});
    let under_test = environment(&spec, &json!([www(Some("i"), false)]), &json!([]));
    assert_eq!(lines(&under_test, &Pods::new()), ["www    3f2c1ab0  image ✓  container –  health –"]);
}

#[test]
fn news_are_told_once() {
    let none = Pods::new();
    let at = |www: &Value, pods: &Pods| checklist(&starting(www, &json!([])), pods);
    let begun = at(&www(None, false), &none);
    assert_eq!(news(&Checklist::default(), &begun), ["local: ready", "www: commit 3f2c1ab0 (branch fix)"]);
    let running = at(&www(Some("i"), false), &pods(COMMIT, &json!({"running": {}})));
    assert_eq!(news(&begun, &running), ["www: container runs"]);
    assert_eq!(news(&running, &running), Vec::<String>::new());
    assert_eq!(news(&running, &at(&www(Some("i"), true), &none)), ["www: ready"]);
}

#[test]
fn commits_in_reasons_are_shortened() {
    assert_eq!(reason(&format!("commit {COMMIT}")), "commit 3f2c1ab0");
    assert_eq!(reason("branch fix"), "branch fix");
}

#[test]
fn before_there_are_services_the_condition_speaks() {
    let bare: DevEnvironment = serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
        "kind": "DevEnvironment", "metadata": {"name": "demo"}, "spec": {"services": ["www"]}}))
    .unwrap();
    let list = checklist(&bare, &Pods::new());
    assert_eq!(news(&Checklist::default(), &list), ["the operator has not looked at it yet"]);
}
