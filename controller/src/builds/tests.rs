//! The endpoint against a scripted API server.

use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use futures::channel::mpsc;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use slipway_agent::{BuildEnded, BuildProgress, PushedImage};
use slipway_crds::v1alpha1::{BuildStage, Outcome};
use slipway_plan::build::{Pushed, stored};
use tower::ServiceExt as _;

use super::*;

const URL: &str = "/v1/builds/fleet/www-1";
const RECORD: &str = "/api/v1/namespaces/fleet/configmaps/www-1-build";
const UNIT: &str = "/api/v1/namespaces/fleet/configmaps/www-1-unit";
const BUILD: &str = "/apis/slipway.dev/v1alpha1/namespaces/fleet/servicebuilds/www-1";

/// What the API server knows; `None` is answered with 404, a missing path with 500.
type World = Arc<Mutex<Vec<(String, Option<Value>)>>>;

fn world() -> World {
    let extra = json!({"authentication.kubernetes.io/pod-name": ["www-1-x"],
        "authentication.kubernetes.io/pod-uid": ["pod-uid"]});
    let user = json!({"username": "system:serviceaccount:build-fleet:default", "extra": extra});
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": ""},
        "status": {"authenticated": true, "audiences": ["slipway.dev/builds"], "user": user}});
    let build = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceBuild",
        "spec": {"service": "www", "commit": "3f2c"},
        "metadata": {"name": "www-1", "namespace": "fleet", "uid": "build-uid"},
        "status": {"step": "Building", "namespace": "build-fleet", "jobUid": "job-uid"}});
    let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": "www-1", "uid": "job-uid", "controller": true});
    let pod = json!({"metadata": {"name": "www-1-x", "uid": "pod-uid", "ownerReferences": [owner]}});
    let job = json!({"metadata": {"name": "www-1", "uid": "job-uid",
        "labels": {"slipway.dev/owner-uid": "build-uid"}}});
    let paths = [
        ("/apis/authentication.k8s.io/v1/tokenreviews", Some(review)),
        (BUILD, Some(build)),
        ("/api/v1/namespaces/build-fleet/pods/www-1-x", Some(pod)),
        ("/apis/batch/v1/namespaces/build-fleet/jobs/www-1", Some(job.clone())),
        ("/apis/batch/v1/namespaces/build-fleet/jobs/www-1-unit", Some(job)),
        (RECORD, None),
        (UNIT, None),
    ];
    Arc::new(Mutex::new(paths.map(|(path, value)| (path.to_owned(), value)).into()))
}

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
        let place = format!("{path}/{}", new["metadata"]["name"].as_str().unwrap());
        if at(world, &place).is_some() {
            return failure(409, "AlreadyExists");
        }
        set(world, &place, Some(new.clone()));
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

/// A world, what is known of builds, and who is asked to look.
struct Site {
    world: World,
    progress: Progress,
    asked: mpsc::UnboundedReceiver<ObjectRef<slipway_crds::v1alpha1::ServiceBuild>>,
}

fn site() -> Site {
    let (ask, asked) = mpsc::unbounded();
    Site { world: world(), progress: Progress::new(ask), asked }
}

impl Site {
    async fn post(&self, token: Option<&str>, url: &str, body: Vec<u8>) -> (StatusCode, String) {
        let mut request = Request::post(url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let router = router(client(&self.world), self.progress.clone());
        let response = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let text = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(text.to_vec()).unwrap())
    }

    async fn tell(&self, report: &BuildReport) -> (StatusCode, String) {
        self.post(Some("secret"), URL, serde_json::to_vec(report).unwrap()).await
    }
}

fn pushed(digest: &str) -> BuildReport {
    let image = PushedImage { digest: digest.to_owned(), ..PushedImage::default() };
    BuildReport::Ended(Box::new(BuildEnded { image: Some(image), ..BuildEnded::default() }))
}

#[tokio::test]
async fn progress_is_seen_and_stored_nowhere() {
    let mut site = site();
    let progress = BuildProgress { step: Some("provision".to_owned()), steps: Vec::new() };
    let told = site.tell(&BuildReport::Progress(progress)).await;
    assert_eq!(told, (StatusCode::OK, "seen".to_owned()));
    assert_eq!(site.progress.of("build-uid").unwrap().stage, Some(BuildStage::Provision));
    assert_eq!(site.asked.try_recv().unwrap().name, "www-1");
    assert_eq!(at(&site.world, RECORD), None);
}

#[tokio::test]
async fn an_end_is_stored_before_it_is_acknowledged_and_never_overwritten() {
    let site = site();
    assert_eq!(site.tell(&pushed("sha256:1")).await, (StatusCode::OK, "stored".to_owned()));
    let map = serde_json::from_value(at(&site.world, RECORD).unwrap()).unwrap();
    let report = stored::report(&map, "build-uid").unwrap();
    assert_eq!(report.pushed, Some(Pushed { digest: "sha256:1".to_owned() }));
    assert_eq!(site.tell(&pushed("sha256:1")).await.0, StatusCode::OK);
    let (status, said) = site.tell(&pushed("sha256:2")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(said.contains("ConfigMap www-1-build"), "{said}");
}

#[tokio::test]
async fn what_is_stored_is_acknowledged_again_when_the_build_is_over_and_nothing_else_is() {
    let site = site();
    assert_eq!(site.tell(&pushed("sha256:1")).await.0, StatusCode::OK);
    let mut over = at(&site.world, BUILD).unwrap();
    over["status"]["step"] = json!("Finished");
    set(&site.world, BUILD, Some(over));
    assert_eq!(site.tell(&pushed("sha256:1")).await, (StatusCode::OK, "stored before".to_owned()));
    assert_eq!(site.tell(&pushed("sha256:2")).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_result_of_unit_tests_is_stored_beside_it() {
    let site = site();
    let report = Report { exit_code: Some(2), log: "bye".to_owned(), ..Report::default() };
    let body = serde_json::to_vec(&report).unwrap();
    let told = site.post(Some("secret"), &format!("{URL}/unit"), body).await;
    assert_eq!(told, (StatusCode::OK, "stored".to_owned()));
    let map = serde_json::from_value(at(&site.world, UNIT).unwrap()).unwrap();
    assert_eq!(stored::unit(&map, "build-uid").unwrap().outcome, Outcome::Failed);
}

#[tokio::test]
async fn who_is_not_of_this_build_is_not_listened_to() {
    let site = site();
    let body = || serde_json::to_vec(&pushed("sha256:1")).unwrap();
    assert_eq!(site.post(None, URL, body()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(site.post(Some("t"), "/v1/builds/fleet/A", body()).await.0, StatusCode::NOT_FOUND);
    let mut over = at(&site.world, BUILD).unwrap();
    over["status"]["step"] = json!("Finished");
    set(&site.world, BUILD, Some(over));
    assert_eq!(site.tell(&pushed("sha256:1")).await.0, StatusCode::CONFLICT);
    set(&site.world, BUILD, None);
    assert_eq!(site.tell(&pushed("sha256:1")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(at(&site.world, RECORD), None);
}

#[tokio::test]
async fn what_is_too_large_or_no_report_is_refused_for_good() {
    let site = site();
    let large = vec![b' '; MAX_DELIVERY_BYTES + 1];
    assert_eq!(site.post(Some("t"), URL, large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(site.post(Some("t"), URL, b"{}".to_vec()).await.0, StatusCode::BAD_REQUEST);
}
