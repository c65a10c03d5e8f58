//! Kinds that are not Slipway's, applied with the rights of a service account and of nobody else.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::ResourceExt as _;
use kube::api::{ListParams, PostParams};
use serde_json::{Value, json};
use slipway_crds::names;
use slipway_crds::v1alpha1::GitSync;

use super::story::{Story, ready};

const APPLICATION: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata: {name: NAME}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME}
data: {greeting: hello, farewell: bye}
---
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {clusterIP: None, selector: {app: NAME}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  replicas: 0
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
      - {name: app, image: \"registry/app:1\", resources: {requests: {cpu: 1000m, memory: 1024Mi}}}
";

fn application(name: &str) -> String {
    APPLICATION.replace("NAME", name)
}

fn kinds() -> Value {
    json!([
        {"apiVersion": "v1", "kind": "ServiceAccount"},
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {"apiVersion": "v1", "kind": "Service"},
        {"apiVersion": "apps/v1", "kind": "Deployment"},
    ])
}

/// Lets the account `deployer` do everything to these resources of the story's namespace.
async fn let_deployer(story: &Story, resources: &[&str]) {
    let metadata = json!({"name": "deployer"});
    let account: ServiceAccount = serde_json::from_value(json!({"metadata": metadata})).unwrap();
    let role = json!({"metadata": metadata, "rules": [{"apiGroups": ["", "apps"], "resources": resources, "verbs": ["*"]}]});
    let role: Role = serde_json::from_value(role).unwrap();
    let binding = json!({
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": story.namespace}],
    });
    let binding: RoleBinding = serde_json::from_value(binding).unwrap();
    let params = PostParams::default();
    story.api().create(&params, &account).await.unwrap();
    story.api().create(&params, &role).await.unwrap();
    story.api().create(&params, &binding).await.unwrap();
}

const ALL: [&str; 4] = ["serviceaccounts", "configmaps", "services", "deployments"];

fn spec() -> Value {
    json!({"serviceAccountName": "deployer", "allowedKinds": kinds()})
}

#[tokio::test]
async fn applications_are_applied_kept_and_pruned_as_the_account() {
    let story = Story::begin("account").await;
    let_deployer(&story, &ALL).await;
    story.commit_file("a.yaml", &application("a"));
    let first = story.commit_file("b.yaml", &application("b"));
    story.sync(spec()).await;
    let sync = story.until_applied(&first).await;
    assert_eq!(sync.status.unwrap().inventory.len(), 8);
    let made = story.api::<Deployment>().get("a").await.unwrap();
    assert_eq!(made.labels().get(names::GITSYNC).map(String::as_str), Some("fleet"));

    story.patch::<ConfigMap>("a", json!({"data": {"greeting": "go away", "extra": "stays"}})).await;
    story
        .wait(
            "a",
            "its declared field is put back",
            data(&[("extra", "stays"), ("farewell", "bye"), ("greeting", "hello")]),
        )
        .await;

    let shorter = application("a").replace(", farewell: bye", "");
    story.repository_changes(&[("a.yaml", Some(&shorter)), ("b.yaml", None)]);
    story.wait("a", "the field that left is gone", data(&[("extra", "stays"), ("greeting", "hello")])).await;
    story.wait("b", "it is pruned", |map: Option<&ConfigMap>| map.is_none()).await;
    story.wait("b", "it is pruned", |deployment: Option<&Deployment>| deployment.is_none()).await;
    story
        .until("four are left", |sync| sync.status.as_ref().is_some_and(|status| status.inventory.len() == 4))
        .await;

    story.delete::<GitSync>("fleet").await;
    story.wait("fleet", "it is gone", |sync: Option<&GitSync>| sync.is_none()).await;
    assert!(story.api::<Service>().get_opt("a").await.unwrap().is_none());
}

/// Whether a `ConfigMap` has exactly these entries.
fn data(entries: &[(&str, &str)]) -> impl Fn(Option<&ConfigMap>) -> bool + Clone {
    let wanted: Vec<_> =
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    move |map| {
        map.and_then(|map| map.data.clone())
            .is_some_and(|data| data.into_iter().collect::<Vec<_>>() == wanted)
    }
}

#[tokio::test]
async fn what_the_account_may_not_do_is_not_done_and_said() {
    let story = Story::begin("account-less").await;
    let_deployer(&story, &["serviceaccounts", "services", "deployments"]).await;
    let commit = story.commit_file("a.yaml", &application("a"));
    story.sync(spec()).await;
    let sync = story.until_not_ready("AccountForbidden").await;
    let told = ready(&sync).2;
    let start = "as service account deployer, ConfigMap of v1 cannot be listed and watched: ";
    assert!(told.starts_with(start) && told.contains("account-less:deployer"), "{told}");
    assert!(story.api::<ConfigMap>().get_opt("a").await.unwrap().is_none());

    let more = json!({"rules": [
        {"apiGroups": ["", "apps"], "resources": ALL, "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["", "apps"], "resources": ["serviceaccounts", "services", "deployments"], "verbs": ["*"]},
    ]});
    story.patch::<Role>("deployer", more).await;
    let cannot_create = |sync: &GitSync| {
        let (_, reason, message) = ready(sync);
        reason == "AccountForbidden" && message.contains("failed to create ConfigMap account-less/a: ")
    };
    story.until("the create is refused", cannot_create).await;
    assert!(story.api::<ConfigMap>().get_opt("a").await.unwrap().is_none());
    story.wait("a", "all else is made", |made: Option<&Deployment>| made.is_some()).await;

    story
        .patch::<Role>(
            "deployer",
            json!({"rules": [{"apiGroups": ["", "apps"], "resources": ALL, "verbs": ["*"]}]}),
        )
        .await;
    story.until_applied(&commit).await;
}

#[tokio::test]
async fn a_kind_outside_the_list_is_refused_by_file_and_line_and_nothing_else_stops() {
    let story = Story::begin("account-kinds").await;
    let_deployer(&story, &ALL).await;
    story.commit_file("a.yaml", &application("a"));
    story.commit_file("secret.yaml", "# a comment\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n");
    story.commit_file("repo.yaml", &story.declared("www"));
    story.commit_file(
        "odd.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: odd}\nspec: {replica: 3}\n",
    );
    let mut spec = spec();
    let more = [json!({"apiVersion": "v1", "kind": "Node"}), json!({"apiVersion": "v1", "kind": "Unicorn"})];
    spec["allowedKinds"].as_array_mut().unwrap().extend(more);
    story.commit_file("node.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n");
    story.sync(spec).await;
    story.wait("a", "the good file is applied", |made: Option<&Deployment>| made.is_some()).await;
    let sync = story.until_not_ready("KindNotAllowed").await;
    let told = ready(&sync).2;
    assert!(told.contains("node.yaml:1:1: Node of v1 belongs to no namespace"), "{told}");
    assert!(told.contains("repo.yaml:1:1: ServiceRepo of slipway.dev/v1alpha1 is not allowed here; allowed are Deployment of apps/v1, "), "{told}");
    assert!(told.contains("secret.yaml:2:1: Secret of v1 is not allowed here"), "{told}");
    assert!(told.contains("unknown field \"spec.replica\""), "{told}");
    assert!(story.services().await.is_empty());
    let secrets = story.api::<Secret>().list(&ListParams::default()).await.unwrap();
    assert!(secrets.items.is_empty());
}

#[tokio::test]
async fn an_object_of_somebody_else_is_left_alone_although_no_watch_shows_it() {
    let story = Story::begin("account-conflict").await;
    let_deployer(&story, &ALL).await;
    let theirs = json!({"metadata": {"name": "a"}, "data": {"greeting": "mine"}});
    let theirs: ConfigMap = serde_json::from_value(theirs).unwrap();
    story.api().create(&PostParams::default(), &theirs).await.unwrap();
    story.commit_file("a.yaml", &application("a"));
    story.sync(spec()).await;
    let sync = story.until_not_ready("Conflict").await;
    assert!(ready(&sync).2.contains("ConfigMap account-conflict/a belongs to "), "{}", ready(&sync).2);
    let kept = story.api::<ConfigMap>().get("a").await.unwrap();
    assert_eq!(kept.data.unwrap()["greeting"], "mine");
}

#[tokio::test]
async fn the_schema_refuses_names_of_other_namespaces_and_kinds_without_an_account() {
    let story = Story::begin("account-names").await;
    for spec in [
        json!({"serviceAccountName": ""}),
        json!({"serviceAccountName": "kube-system:deployer"}),
        json!({"serviceAccountName": "kube-system/deployer"}),
        json!({"allowedKinds": kinds()}),
        json!({"allowedKinds": []}),
    ] {
        let refused = story.try_sync(spec.clone()).await.unwrap_err();
        assert!(matches!(refused, kube::Error::Api(status) if status.code == 422), "{spec}");
    }
}
