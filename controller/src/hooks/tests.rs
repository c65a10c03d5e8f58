//! The endpoint against a scripted API server.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::hmac;
use axum::body::Body;
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use http::Response;
use kube::runtime::{reflector, watcher};
use serde_json::json;
use tower::ServiceExt as _;

use super::*;

const BODY: &str = "{\"ref\": \"refs/heads/main\"}";
const SYNC: &str = "/hooks/fleet/gitsync/fleet";

struct World {
    router: Router,
    wake: Wake,
    syncs: UnboundedReceiver<ObjectRef<GitSync>>,
    repos: UnboundedReceiver<ObjectRef<ServiceRepo>>,
    reads: Arc<AtomicUsize>,
}

fn world(token: Option<&str>) -> World {
    let reads = Arc::new(AtomicUsize::new(0));
    let client = client(token.map(str::to_owned), Arc::clone(&reads));
    let sync = json!({"metadata": {"name": "fleet", "namespace": "fleet", "uid": "u"},
        "spec": {"url": "http://git/fleet.git", "webhook": {"secret": "hook"}}});
    let silent = json!({"metadata": {"name": "silent", "namespace": "fleet", "uid": "s"}, "spec": {"url": "http://git/a"}});
    let repo = json!({"metadata": {"name": "www", "namespace": "fleet", "uid": "r"},
        "spec": {"url": "http://git/www.git", "webhook": {"secret": "hook"}}});
    let (ask_syncs, syncs) = unbounded();
    let (ask_repos, repos) = unbounded();
    let wake = Wake::new(ask_syncs, ask_repos);
    let hooks = Hooks::new(client, store(vec![sync, silent]), store(vec![repo]), wake.clone());
    World { router: router(hooks), wake, syncs, repos, reads }
}

fn store<K>(objects: Vec<serde_json::Value>) -> Store<K>
where
    K: kube::Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + 'static,
{
    let (store, mut writer) = reflector::store();
    for object in objects {
        writer.apply_watcher_event(&watcher::Event::Apply(serde_json::from_value(object).unwrap()));
    }
    store
}

fn client(token: Option<String>, reads: Arc<AtomicUsize>) -> Client {
    let answer = move |request: http::Request<kube::client::Body>| {
        reads.fetch_add(1, Ordering::SeqCst);
        assert_eq!(request.uri().path(), "/api/v1/namespaces/fleet/secrets/hook");
        let data = token.as_ref().map(|token| k8s_openapi::ByteString(token.clone().into_bytes()));
        let body = json!({"metadata": {"name": "hook"}, "data": {"token": data}});
        let body = if token.is_some() { body } else { json!({"metadata": {"name": "hook"}}) };
        async move {
            Ok::<_, std::convert::Infallible>(Response::new(kube::client::Body::from(
                body.to_string().into_bytes(),
            )))
        }
    };
    Client::new(tower::service_fn(answer), "fleet")
}

fn signed(secret: &str, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

impl World {
    async fn post(&self, path: &str, header: &str, value: &str, body: Body) -> u16 {
        let request = http::Request::post(path).header(header, value).body(body).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    async fn sent(&self, path: &str, secret: &str) -> u16 {
        self.post(path, "x-slipway-signature", &format!("sha256={}", signed(secret, BODY)), BODY.into()).await
    }
}

#[tokio::test]
async fn a_signed_message_wakes_exactly_its_object() {
    let mut world = world(Some("hunter2\n"));
    let digits = signed("hunter2", BODY);
    for (header, value) in [
        ("x-slipway-signature", format!("sha256={digits}")),
        ("x-hub-signature-256", format!("sha256={digits}")),
        ("x-gitea-signature", digits.clone()),
    ] {
        assert_eq!(world.post(SYNC, header, &value, BODY.into()).await, 202, "{header}");
        assert_eq!(world.syncs.next().await.unwrap().name, "fleet");
    }
    assert_eq!(world.wake.count("u"), 3);
    assert_eq!(world.sent("/hooks/fleet/servicerepo/www", "hunter2").await, 202);
    assert_eq!(world.repos.next().await.unwrap().name, "www");
    assert!(world.syncs.try_recv().is_err());
}

#[tokio::test]
async fn a_message_that_is_not_signed_wakes_nothing() {
    let mut world = world(Some("hunter2"));
    let right = format!("sha256={}", signed("hunter2", BODY));
    assert_eq!(world.sent(SYNC, "wrong").await, 401);
    assert_eq!(world.post(SYNC, "x-slipway-signature", &right, "another body".into()).await, 401);
    assert_eq!(world.post(SYNC, "x-slipway-signature", &right[..40], BODY.into()).await, 401);
    assert_eq!(world.post(SYNC, "x-other", &right, BODY.into()).await, 401);
    assert!(world.syncs.try_recv().is_err());
    assert_eq!(world.wake.count("u"), 0);
}

#[tokio::test]
async fn nobody_is_woken_who_does_not_want_it() {
    let world = world(Some("hunter2"));
    for path in [
        "/hooks/fleet/gitsync/silent",
        "/hooks/fleet/gitsync/nope",
        "/hooks/other/gitsync/fleet",
        "/hooks/fleet/fleet/fleet",
        "/hooks/fleet/servicerepo/fleet",
    ] {
        assert_eq!(world.sent(path, "hunter2").await, 404, "{path}");
    }
    assert_eq!(world.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_a_secret_nobody_gets_in() {
    for token in [None, Some(""), Some("\n")] {
        let world = world(token);
        assert_eq!(world.sent(SYNC, "").await, 401, "{token:?}");
        assert_eq!(world.sent(SYNC, "\n").await, 401, "{token:?}");
    }
}

#[tokio::test]
async fn strangers_cost_one_request_to_the_api_server_and_no_body_is_read_unsigned() {
    let world = world(Some("hunter2"));
    for _ in 0..20 {
        assert_eq!(world.sent(SYNC, "wrong").await, 401);
    }
    assert_eq!(world.reads.load(Ordering::SeqCst), 1);
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(world.post(SYNC, "x-other", "", never).await, 401);
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let world = world(Some("hunter2"));
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 65536]));
    let right = format!("sha256={}", signed("hunter2", BODY));
    assert_eq!(world.post(SYNC, "x-slipway-signature", &right, Body::from_stream(endless)).await, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = world(Some("hunter2"));
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let right = format!("sha256={}", signed("hunter2", BODY));
    assert_eq!(world.post(SYNC, "x-slipway-signature", &right, never).await, 408);
}
