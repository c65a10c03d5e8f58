//! Carrying out a plan against a scripted API server: what happens at the edges.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, also in what they share")]

use std::collections::BTreeSet;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use slipway_controller::apply::{Applied, Applier};
use slipway_controller::cache::Written;
use slipway_crds::names;
use slipway_plan::diff::{Cause, Owner, Step};
use slipway_plan::gitsync::rank;
use slipway_plan::object::{Object, ObjectKey};

const LIST: &str = "/apis/slipway.dev/v1alpha1/namespaces/platform/fleets";
const ONE: &str = "/apis/slipway.dev/v1alpha1/namespaces/platform/fleets/f";

/// One request that must come next, and its answer.
struct Exchange {
    request: &'static str,
    path: &'static str,
    holds: fn(&Value, &str) -> bool,
    status: u16,
    answer: Value,
}

fn exchange(request: &'static str, path: &'static str, status: u16, answer: Value) -> Exchange {
    Exchange { request, path, holds: |_, _| true, status, answer }
}

fn refusal(request: &'static str, path: &'static str, status: u16, reason: &str) -> Exchange {
    let answer = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": status});
    exchange(request, path, status, answer)
}

/// Carries out steps; every exchange of the script must happen, in its order, and no other.
async fn apply(steps: &[Step], script: Vec<Exchange>, written: Option<&Written>) -> Applied {
    let (service, mut server) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let client = Client::new(service, "default");
    let owner = Owner {
        uid: "sync-uid".to_owned(),
        manager: names::GITSYNC_MANAGER.to_owned(),
        recorded: BTreeSet::from(["recorded".to_owned()]),
    };
    let answering = tokio::spawn(async move {
        for expected in script {
            let (request, send) = server.next_request().await.unwrap();
            let (parts, body) = request.into_parts();
            let line = format!("{} {}", parts.method, parts.uri.path());
            assert_eq!(line, format!("{} {}", expected.request, expected.path));
            let body = body.collect_bytes().await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let query = parts.uri.query().unwrap_or_default().to_owned();
            assert!((expected.holds)(&body, &query), "{line}?{query} {body}");
            let answer = Body::from(serde_json::to_vec(&expected.answer).unwrap());
            send.send_response(Response::builder().status(expected.status).body(answer).unwrap());
        }
        assert!(server.next_request().await.is_none(), "one request too many");
    });
    let applier = Applier {
        client: &client,
        owner: &owner,
        written: written.map(|written| (written, "fleet")),
        resources: &[],
    };
    let outcome = applier.apply(steps, rank).await;
    drop(client);
    answering.await.unwrap();
    outcome
}

fn key() -> ObjectKey {
    ObjectKey {
        api_version: "slipway.dev/v1alpha1".to_owned(),
        kind: "Fleet".to_owned(),
        namespace: Some("platform".to_owned()),
        name: "f".to_owned(),
    }
}

fn object() -> Object {
    let labels = json!({names::OWNER_UID: "sync-uid"});
    let body = json!({
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Fleet",
        "metadata": {"name": "f", "namespace": "platform", "labels": labels},
        "spec": {"registry": "r"},
    });
    Object { key: key(), body: body.into() }
}

fn live(uid: &str, labels: &Value, manager: &str, operation: &str) -> Value {
    let mut live = Value::from(object().body);
    live["metadata"]["uid"] = uid.into();
    live["metadata"]["resourceVersion"] = "7".into();
    live["metadata"]["labels"] = labels.clone();
    live["metadata"]["managedFields"] = json!([{"manager": manager, "operation": operation}]);
    live
}

fn ours(operation: &str) -> Value {
    live("recorded", &json!({names::OWNER_UID: "sync-uid"}), names::GITSYNC_MANAGER, operation)
}

fn create() -> [Step; 1] {
    [Step::Create(object())]
}

fn update() -> [Step; 1] {
    [Step::Update {
        object: object(),
        uid: "recorded".to_owned(),
        cause: Cause::Declared,
        loses_fields: true,
    }]
}

fn delete() -> [Step; 1] {
    [Step::Delete { key: key(), uid: "recorded".to_owned() }]
}

fn told(applied: &Applied) -> Vec<String> {
    applied.failed.iter().map(slipway_controller::apply::ApplyError::answer).collect()
}

#[tokio::test]
async fn a_create_says_whose_the_object_is_in_the_same_request() {
    let mut post = exchange("POST", LIST, 201, ours("Update"));
    post.holds = |body, query| {
        body["metadata"]["labels"][names::OWNER_UID] == "sync-uid"
            && query.contains("fieldManager=slipway.dev%2Fgitsync")
    };
    let written = Written::default();
    let applied = apply(&create(), vec![post], Some(&written)).await;
    assert_eq!((applied.done[0].uid(), applied.failed.len()), ("recorded", 0));
    assert!(!written.is_settled("fleet", &[]), "the cache must show it first");
}

#[tokio::test]
async fn what_was_made_before_a_crash_is_recognised_and_not_made_twice() {
    let there = live("new", &json!({names::OWNER_UID: "sync-uid"}), names::GITSYNC_MANAGER, "Update");
    let script = vec![refusal("POST", LIST, 409, "AlreadyExists"), exchange("GET", ONE, 200, there)];
    let applied = apply(&create(), script, None).await;
    assert_eq!((applied.done[0].uid(), applied.failed.len()), ("new", 0));
}

#[tokio::test]
async fn an_object_of_somebody_else_is_neither_forced_nor_adopted() {
    for labels in
        [json!({}), json!({names::OWNER_UID: "sync-uid"}), json!({names::OWNER_UID: "another-sync"})]
    {
        let manager =
            if labels[names::OWNER_UID] == "another-sync" { names::GITSYNC_MANAGER } else { "kubectl" };
        let there = live("theirs", &labels, manager, "Update");
        let script = vec![refusal("POST", LIST, 409, "AlreadyExists"), exchange("GET", ONE, 200, there)];
        let applied = apply(&create(), script, None).await;
        assert!(applied.done.is_empty());
        assert!(
            told(&applied)[0].starts_with(&format!("Fleet platform/f exists and belongs to {manager}:")),
            "{:?}",
            told(&applied)
        );
    }
}

#[tokio::test]
async fn an_update_is_forced_on_exactly_the_object_that_was_seen() {
    let mut patch = exchange("PATCH", ONE, 200, ours("Apply"));
    patch.holds = |body, query| body["metadata"]["uid"] == "recorded" && query.contains("force=true");
    let script = vec![exchange("GET", ONE, 200, ours("Apply")), patch];
    assert_eq!(apply(&update(), script, None).await.done.len(), 1);
}

#[tokio::test]
async fn the_first_update_takes_over_what_our_create_set() {
    let mut take_over = exchange("PATCH", ONE, 200, ours("Apply"));
    take_over.holds = |body, _| {
        body["metadata"]["managedFields"][0]["operation"] == "Apply"
            && body["metadata"]["resourceVersion"] == "7"
    };
    let patch = exchange("PATCH", ONE, 200, ours("Apply"));
    let script = vec![exchange("GET", ONE, 200, ours("Update")), take_over, patch];
    assert_eq!(apply(&update(), script, None).await.done.len(), 1);
}

#[tokio::test]
async fn an_update_that_loses_no_field_is_one_request() {
    let [step] = update();
    let Step::Update { object, uid, cause, .. } = step else { unreachable!() };
    let keeps_fields = [Step::Update { object, uid, cause, loses_fields: false }];
    let script = vec![exchange("PATCH", ONE, 200, ours("Apply"))];
    assert_eq!(apply(&keeps_fields, script, None).await.done.len(), 1);
}

#[tokio::test]
async fn an_object_of_ours_that_lost_its_labels_gets_them_back() {
    let there = live("recorded", &json!({}), names::GITSYNC_MANAGER, "Apply");
    let mut patch = exchange("PATCH", ONE, 200, ours("Apply"));
    patch.holds = |body, _| body["metadata"]["labels"][names::OWNER_UID] == "sync-uid";
    let script = vec![
        refusal("POST", LIST, 409, "AlreadyExists"),
        exchange("GET", ONE, 200, there.clone()),
        exchange("GET", ONE, 200, there),
        patch,
    ];
    let applied = apply(&create(), script, None).await;
    assert_eq!((applied.done[0].uid(), applied.failed.len()), ("recorded", 0));
}

#[tokio::test]
async fn an_object_that_was_replaced_meanwhile_is_not_written_to() {
    let script = vec![exchange("GET", ONE, 200, ours("Apply")), refusal("PATCH", ONE, 409, "Conflict")];
    let applied = apply(&update(), script, None).await;
    assert!(applied.done.is_empty() && applied.failed[0].is_stale());
}

#[tokio::test]
async fn a_delete_names_the_uid_and_what_is_gone_already_is_gone() {
    for answer in [
        exchange("DELETE", ONE, 200, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})),
        refusal("DELETE", ONE, 404, "NotFound"),
        refusal("DELETE", ONE, 409, "Conflict"),
    ] {
        let mut answer = answer;
        answer.holds = |body, _| body["preconditions"]["uid"] == "recorded";
        let applied = apply(&delete(), vec![answer], None).await;
        assert_eq!((applied.deleted.len(), applied.failed.len()), (1, 0));
    }
}

#[tokio::test]
async fn one_refusal_stops_no_other_step_and_is_told_in_the_servers_words() {
    let second = Object { key: ObjectKey { name: "g".to_owned(), ..key() }, ..object() };
    let script = vec![
        refusal("POST", LIST, 422, "Invalid"),
        exchange("POST", LIST, 201, ours("Update")),
        refusal("DELETE", ONE, 403, "Forbidden"),
    ];
    let steps = [create().into(), vec![Step::Create(second)], delete().into()].concat();
    let applied = apply(&steps, script, None).await;
    assert_eq!(applied.done.len(), 1);
    assert_eq!(
        told(&applied),
        ["failed to create Fleet platform/f: Invalid", "failed to delete Fleet platform/f: Forbidden"]
    );
}
