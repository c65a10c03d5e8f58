//! The endpoint against a scripted API server.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use slipway_agent::ReportFile;
use slipway_crds::v1alpha1::Outcome;
use slipway_plan::integration::result;
use tower::ServiceExt as _;

use super::*;

const URL: &str = "/v1/runs/fleet/ci/2";

/// What the API server knows; `None` is answered with 404, a missing path with 500.
type World = Arc<Mutex<Vec<(String, Option<Value>)>>>;

fn world() -> World {
    let extra = json!({"authentication.kubernetes.io/pod-name": ["integration-2-x"],
        "authentication.kubernetes.io/pod-uid": ["pod-uid"]});
    let user = json!({"username": "system:serviceaccount:env-ci:default", "extra": extra});
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": ""},
        "status": {"authenticated": true, "audiences": ["slipway.dev/run"], "user": user}});
    let integration =
        json!({"generation": 2, "step": "Running", "jobUid": "job-uid", "since": "2026-11-22T10:00:00Z"});
    let environment = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment", "spec": {},
        "metadata": {"name": "ci", "namespace": "fleet", "uid": "env-uid"},
        "status": {"namespace": {"name": "env-ci"}, "integration": integration}});
    let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": "integration-2", "uid": "job-uid", "controller": true});
    let pod = json!({"metadata": {"name": "integration-2-x", "uid": "pod-uid", "ownerReferences": [owner]}});
    let job = json!({"metadata": {"name": "integration-2", "uid": "job-uid",
        "labels": {"slipway.dev/owner-uid": "env-uid"}}});
    let paths = [
        ("/apis/authentication.k8s.io/v1/tokenreviews", Some(review)),
        ("/apis/slipway.dev/v1alpha1/namespaces/fleet/devenvironments/ci", Some(environment)),
        ("/api/v1/namespaces/env-ci/pods/integration-2-x", Some(pod)),
        ("/apis/batch/v1/namespaces/env-ci/jobs/integration-2", Some(job)),
        (CONFIG_MAP, None),
    ];
    Arc::new(Mutex::new(paths.map(|(path, value)| (path.to_owned(), value)).into()))
}

const CONFIG_MAP: &str = "/api/v1/namespaces/fleet/configmaps/ci-run-2";

fn at(world: &World, path: &str) -> Option<Value> {
    world.lock().unwrap().iter().find(|entry| entry.0 == path).and_then(|entry| entry.1.clone())
}

fn set(world: &World, path: &str, value: Option<Value>) {
    let mut known = world.lock().unwrap();
    known.retain(|entry| entry.0 != path);
    known.push((path.to_owned(), value));
}

fn failure(code: u16, reason: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "reason": reason, "message": reason, "code": code}))
}

/// How an API server answers.
async fn answer(world: &World, request: Request<kube::client::Body>) -> (u16, Value) {
    let path = request.uri().path().to_owned();
    if request.method() == Method::POST && path.ends_with("/configmaps") {
        let body = request.into_body().collect_bytes().await.unwrap();
        let new: Value = serde_json::from_slice(&body).unwrap();
        if at(world, CONFIG_MAP).is_some() {
            return failure(409, "AlreadyExists");
        }
        set(world, CONFIG_MAP, Some(new.clone()));
        return (201, new);
    }
    let known = world.lock().unwrap().iter().find(|entry| entry.0 == path).cloned();
    match known {
        Some((_, Some(value))) => (200, value),
        Some((_, None)) => failure(404, "NotFound"),
        None => failure(500, "InternalError"),
    }
}

fn client(world: &World) -> Client {
    let (service, mut handle) =
        tower_test::mock::pair::<Request<kube::client::Body>, Response<kube::client::Body>>();
    let world = Arc::clone(world);
    tokio::spawn(async move {
        while let Some((request, respond)) = handle.next_request().await {
            let (status, value) = answer(&world, request).await;
            let body = kube::client::Body::from(value.to_string().into_bytes());
            respond.send_response(Response::builder().status(status).body(body).unwrap());
        }
    });
    Client::new(service, "default")
}

fn report(exit_code: i32) -> Report {
    let junit = r#"<testsuite><testcase name="pays"><failure message="no money"/></testcase></testsuite>"#;
    let file = |path: &str, content: &str| ReportFile { path: path.to_owned(), content: content.to_owned() };
    let files = vec![file("results/unit.xml", junit), file("results/bad.xml", "<testsuite")];
    Report {
        exit_code: Some(exit_code),
        seconds: 7,
        log: "bye\n".to_owned(),
        log_cut: 10,
        files,
        ..Report::default()
    }
}

async fn post(world: &World, token: Option<&str>, url: &str, body: Vec<u8>) -> (StatusCode, String) {
    let mut request = Request::post(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = router(client(world)).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status();
    let text = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

async fn offer(world: &World, report: &Report) -> (StatusCode, String) {
    post(world, Some("secret"), URL, serde_json::to_vec(report).unwrap()).await
}

#[tokio::test]
async fn a_result_is_stored_before_it_is_acknowledged() {
    let world = world();
    assert_eq!(offer(&world, &report(1)).await, (StatusCode::OK, "stored".to_owned()));
    let stored = serde_json::from_value(at(&world, CONFIG_MAP).unwrap()).unwrap();
    let delivery = result::delivery(&stored, "env-uid").unwrap();
    assert_eq!((delivery.outcome(), delivery.result.as_str()), (Outcome::Failed, "ci-run-2"));
    assert_eq!(delivery.failures[0].name, "pays");
    assert!(delivery.message.contains("code 1, 1 tests, 1 failed; results/bad.xml is not a JUnit file"));
    let data = stored.data.unwrap();
    assert_eq!(data[result::LOG], "[10 bytes of the log came before]\nbye\n");
    assert!(data["junit-000-unit.xml"].contains("no money"));
}

#[tokio::test]
async fn the_same_result_again_is_acknowledged_and_another_one_never_overwrites_it() {
    let world = world();
    assert_eq!(offer(&world, &report(1)).await.0, StatusCode::OK);
    let stored = at(&world, CONFIG_MAP);
    assert_eq!(offer(&world, &report(1)).await.0, StatusCode::OK);
    let (status, said) = offer(&world, &report(0)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(said.contains("ConfigMap ci-run-2"), "{said}");
    assert_eq!(at(&world, CONFIG_MAP), stored);
}

#[tokio::test]
async fn the_result_of_a_deleted_environment_of_the_same_name_is_waited_out() {
    let world = world();
    let old = json!({"metadata": {"name": "ci-run-2", "labels": {"slipway.dev/owner-uid": "older"}}});
    set(&world, CONFIG_MAP, Some(old));
    assert_eq!(offer(&world, &report(0)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    set(&world, CONFIG_MAP, None);
    assert_eq!(offer(&world, &report(0)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn without_the_token_of_this_run_nothing_is_read_or_stored() {
    let world = world();
    let huge = vec![b'x'; 2 * MAX_DELIVERY_BYTES];
    assert_eq!(post(&world, None, URL, huge.clone()).await.0, StatusCode::UNAUTHORIZED);
    set(&world, "/apis/batch/v1/namespaces/env-ci/jobs/integration-2", None);
    assert_eq!(post(&world, Some("secret"), URL, huge.clone()).await.0, StatusCode::FORBIDDEN);
    set(
        &world,
        "/apis/authentication.k8s.io/v1/tokenreviews",
        Some(json!({"spec": {"token": ""}, "status": {}})),
    );
    assert_eq!(post(&world, Some("secret"), URL, huge).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(at(&world, CONFIG_MAP), None);
}

#[tokio::test]
async fn an_environment_that_is_not_there_is_said_to_be_missing() {
    let world = world();
    set(&world, "/apis/slipway.dev/v1alpha1/namespaces/fleet/devenvironments/ci", None);
    let (status, said) = offer(&world, &report(0)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(said, "there is no DevEnvironment ci in namespace fleet\n");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_result_is_refused_for_good() {
    let world = world();
    let huge = vec![b'x'; MAX_DELIVERY_BYTES + 1];
    assert_eq!(post(&world, Some("secret"), URL, huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(post(&world, Some("secret"), URL, b"{".to_vec()).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_failing_api_server_asks_for_another_offer_and_tells_the_pod_no_details() {
    let world = world();
    world.lock().unwrap().retain(|entry| !entry.0.contains("/pods/"));
    let (status, said) = offer(&world, &report(0)).await;
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "failed to read pod integration-2-x\n")
    );
}
