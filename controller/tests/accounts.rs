//! Requests for a service account carry its name, every one of them, and only the API server's answer counts.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, also in what they share")]

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use kube::core::{GroupVersionKind, gvk::GroupVersion};
use kube::discovery::ApiResource;
use serde_json::{Value, json};
use slipway_controller::apply::Applier;
use slipway_controller::cache::{ForeignObjects, Known, Unseen};
use slipway_crds::names;
use slipway_plan::diff::{Owner, Step};
use slipway_plan::gitsync::account::Account;
use slipway_plan::gitsync::{KindName, rank};
use slipway_plan::object::{Object, ObjectKey};

const USER: &str = "system:serviceaccount:platform:deployer";

/// What was asked: method, path with query, and for whom.
type Asked = (String, Option<String>);

/// An API server that answers with what a function says.
fn server(
    answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static,
) -> (Client, tokio::sync::mpsc::UnboundedReceiver<Asked>) {
    let (tell, asked) = tokio::sync::mpsc::unbounded_channel();
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: Request<Body>| {
        let line = format!("{} {}", request.method(), request.uri());
        let user = request.headers().get("impersonate-user").map(|user| user.to_str().unwrap().to_owned());
        let (status, body) = answer(&line);
        tell.send((line, user)).unwrap();
        let body = Body::from(serde_json::to_vec(&body).unwrap());
        async move { Ok::<_, std::convert::Infallible>(Response::builder().status(status).body(body).unwrap()) }
    });
    (Client::new(service, "default"), asked)
}

fn account() -> Account {
    Account::Service { namespace: "platform".to_owned(), name: "deployer".to_owned() }
}

fn widget() -> KindName {
    KindName { api_version: "example.com/v1".to_owned(), kind: "Wolf".to_owned() }
}

fn kinds() -> Value {
    let kind = |name: &str, plural: &str, namespaced: bool| json!({"name": plural, "singularName": "", "kind": name, "namespaced": namespaced, "verbs": ["list"]});
    json!({"kind": "APIResourceList", "groupVersion": "example.com/v1", "resources": [kind("Wolf", "wolves", true), kind("Planet", "planets", false)]})
}

fn forbidden(message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "message": message, "code": 403})
}

fn resource() -> ApiResource {
    let version: GroupVersion = "example.com/v1".parse().unwrap();
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk(&version.group, &version.version, "Wolf"),
        "wolves",
    )
}

#[tokio::test]
async fn a_kind_is_looked_up_once_and_others_are_told_apart() {
    let (client, mut asked) = server(|_| (200, kinds()));
    let foreign = ForeignObjects::new(&client, |_| ());
    for _ in 0..2 {
        let Known::Namespaced(known) = foreign.known(&widget()).await.unwrap() else { unreachable!() };
        assert_eq!(known.plural, "wolves");
    }
    assert_eq!(asked.recv().await.unwrap().0, "GET /apis/example.com/v1");
    assert!(asked.try_recv().is_err());
    let named = |kind: &str| KindName { kind: kind.to_owned(), ..widget() };
    assert!(matches!(foreign.known(&named("Planet")).await.unwrap(), Known::OfCluster));
    assert!(matches!(foreign.known(&named("Unicorn")).await.unwrap(), Known::Missing));
}

#[tokio::test]
async fn objects_are_listed_as_the_account_and_only_those_of_git() {
    let list = json!({"kind": "WolfList", "apiVersion": "example.com/v1", "metadata": {"resourceVersion": "1"}, "items": [
        {"metadata": {"name": "a", "namespace": "platform", "uid": "u", "resourceVersion": "1"}, "status": {"howls": true}},
    ]});
    let (client, mut asked) = server(move |_| (200, list.clone()));
    let foreign = ForeignObjects::new(&client, |_| ());
    let kinds = BTreeMap::from([(widget(), resource())]);
    let found = foreign.all(&account(), &kinds, "sync").await.unwrap();
    assert_eq!(found[0].uid(), "u");
    assert!(found[0].body.get("status").is_none(), "what nobody decides from is not kept");
    let (line, user) = asked.recv().await.unwrap();
    assert!(line.starts_with("GET /apis/example.com/v1/namespaces/platform/wolves?"), "{line}");
    assert!(line.contains("labelSelector=slipway.dev%2Fgitsync"), "{line}");
    assert_eq!(user.as_deref(), Some(USER));
}

#[tokio::test]
async fn a_list_that_is_refused_is_told_in_the_servers_words() {
    let (client, _asked) = server(|_| (403, forbidden("deployer cannot list wolves")));
    let foreign = ForeignObjects::new(&client, |_| ());
    let kinds = BTreeMap::from([(widget(), resource())]);
    let unseen = foreign.all(&account(), &kinds, "sync").await.unwrap_err();
    assert_eq!(
        unseen,
        Unseen::Forbidden { kind: widget(), answer: "deployer cannot list wolves".to_owned() }
    );
}

#[tokio::test]
async fn writes_and_the_reads_before_them_are_made_as_the_account() {
    let (client, mut asked) = server(|line| match line.split(' ').next() {
        Some("POST") => (
            409,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "AlreadyExists", "code": 409}),
        ),
        _ => (
            200,
            json!({"apiVersion": "example.com/v1", "kind": "Wolf", "metadata": {"name": "a", "uid": "recorded", "resourceVersion": "2"}}),
        ),
    });
    let foreign = ForeignObjects::new(&client, |_| ());
    let owner = Owner {
        uid: "sync-uid".to_owned(),
        manager: names::GITSYNC_MANAGER.to_owned(),
        recorded: ["recorded".to_owned()].into(),
    };
    let key = ObjectKey {
        api_version: "example.com/v1".to_owned(),
        kind: "Wolf".to_owned(),
        namespace: Some("platform".to_owned()),
        name: "a".to_owned(),
    };
    let body = json!({"apiVersion": "example.com/v1", "kind": "Wolf", "metadata": {"name": "a", "namespace": "platform"}});
    let create = Step::Create(Object { key: key.clone(), body: body.into() });
    let delete = Step::Delete { key, uid: "recorded".to_owned() };
    let client = foreign.client(&account());
    let applier = Applier { client: &client, owner: &owner, written: None, resources: &[resource()] };
    let outcome = applier.apply(&[create, delete], rank).await;
    assert!(outcome.failed.is_empty(), "{:?}", outcome.failed);
    let mut lines = Vec::new();
    while let Ok((line, user)) = asked.try_recv() {
        assert_eq!(user.as_deref(), Some(USER), "{line}");
        lines.push(line.replace("/apis/example.com/v1/namespaces/platform/", ""));
    }
    assert_eq!(
        lines,
        [
            "POST wolves?&fieldManager=slipway.dev%2Fgitsync&fieldValidation=Strict",
            "GET wolves/a",
            "GET wolves/a",
            "PATCH wolves/a?&force=true&fieldManager=slipway.dev%2Fgitsync&fieldValidation=Strict",
            "DELETE wolves/a?",
        ]
    );
}

#[tokio::test]
async fn the_operators_own_requests_name_nobody() {
    let (client, mut asked) = server(|_| (200, kinds()));
    let foreign = ForeignObjects::new(&client, |_| ());
    foreign
        .client(&Account::Operator)
        .request::<Value>(Request::get("/version").body(Vec::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(asked.recv().await.unwrap(), ("GET /version".to_owned(), None));
}

#[tokio::test]
async fn a_user_that_no_header_can_hold_is_nobody_and_nothing_is_sent() {
    let (client, mut asked) = server(|_| (200, kinds()));
    let foreign = ForeignObjects::new(&client, |_| ());
    let odd = Account::Service { namespace: "platform".to_owned(), name: "a\nb".to_owned() };
    let request = Request::get("/version").body(Vec::new()).unwrap();
    assert!(foreign.client(&odd).request::<Value>(request).await.is_err());
    assert!(asked.try_recv().is_err());
}
