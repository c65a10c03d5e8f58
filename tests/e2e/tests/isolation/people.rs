//! Somebody who may write Slipway's kinds in one namespace, and what they cannot have through it.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceRepo};

use super::ground::{self, CANARY, environment_object, ground, refusal, repository_object, write};

#[tokio::test]
async fn a_secret_is_named_only_by_those_who_may_read_it() {
    let ground = ground().await;
    ground.namespace("named").await;
    let secret = json!({"metadata": {"name": "git"}, "stringData": {"token": CANARY}});
    write::<Secret>(&ground.admin().await, "named", secret).await.unwrap();
    let emma = ground.author("emma", "named").await;
    let to_herself = |name| repository_object(name, "http://git.emma.example.com/x.git", "git");
    let told = refusal(write::<ServiceRepo>(&emma, "named", to_herself("x")).await);
    assert!(told.contains("git, and may not read it"), "{told}");
    let fleet = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "fleet"},
        "spec": {"registry": "registry.emma.example.com", "pullSecret": "git"}});
    let told = refusal(write::<Fleet>(&emma, "named", fleet).await);
    assert!(told.contains("may not read it"), "{told}");

    ground.bind("emma", "named", "view").await;
    refusal(write::<ServiceRepo>(&emma, "named", to_herself("x")).await);
    ground.bind("emma", "named", "edit").await;
    ground.until_allowed("emma", "named", "", "secrets").await;
    write::<ServiceRepo>(&emma, "named", to_herself("x")).await.unwrap();
}

#[tokio::test]
async fn who_may_change_only_the_rest_cannot_send_a_secret_elsewhere() {
    let ground = ground().await;
    ground.namespace("moved").await;
    let there = repository_object("x", "http://git.example.com/x.git", "git");
    write::<ServiceRepo>(&ground.admin().await, "moved", there).await.unwrap();
    let finn = ground.author("finn", "moved").await;
    let api: Api<ServiceRepo> = Api::namespaced(finn, "moved");
    let change = |spec: Value| {
        let api = api.clone();
        async move { api.patch("x", &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await }
    };
    change(json!({"interval": "2m"})).await.unwrap();
    let told = refusal(change(json!({"url": "http://git.finn.example.com/x.git"})).await);
    assert!(told.contains("may not read it"), "{told}");
}

#[tokio::test]
async fn nothing_of_another_namespace_can_be_named() {
    let ground = ground().await;
    ground.namespace("own").await;
    let gina = ground.author("gina", "own").await;
    let fleet = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "fleet"},
        "spec": {"registry": "r.example.com", "pullSecret": "kube-system/token"}});
    refusal(write::<Fleet>(&gina, "own", fleet).await);
    refusal(write::<DevEnvironment>(&gina, "default", environment_object("x", &json!({}))).await);
    let secrets: Api<Secret> = Api::namespaced(gina.clone(), "slipway-system");
    refusal(secrets.list(&Default::default()).await.map(drop));
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = Api::namespaced(gina, "slipway-system");
    let request =
        serde_json::from_value(json!({"spec": {"audiences": ["https://kubernetes.default.svc"]}})).unwrap();
    refusal(accounts.create_token_request("slipway-controller", &Default::default(), &request).await);
}

#[tokio::test]
async fn an_environment_says_who_asked_for_it_whatever_they_write() {
    let ground = ground().await;
    ground.namespace("asked").await;
    let hugo = ground.author("hugo", "asked").await;
    let requester =
        |found: &DevEnvironment| found.metadata.annotations.as_ref().unwrap()[names::REQUESTED_BY].clone();
    let forged = environment_object("forged", &json!({names::REQUESTED_BY: "emma"}));
    let made = write::<DevEnvironment>(&hugo, "asked", forged).await.unwrap();
    assert_eq!(requester(&made), "hugo");
    let plain = environment_object("plain", &json!({}));
    assert_eq!(requester(&write::<DevEnvironment>(&hugo, "asked", plain).await.unwrap()), "hugo");
    let ida = ground.author("ida", "asked").await;
    let api: Api<DevEnvironment> = Api::namespaced(ida, "asked");
    for value in [json!("ida"), Value::Null] {
        let patch = json!({"metadata": {"annotations": {names::REQUESTED_BY: value}}});
        let patched = api.patch("plain", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        assert_eq!(requester(&patched), "hugo");
    }
}

#[tokio::test]
async fn where_nothing_stamps_a_written_name_must_be_the_authors() {
    let ground = ground::Ground::start("admission.stampRequester=never").await;
    ground.namespace("written").await;
    let jana = ground.author("jana", "written").await;
    let named = |name: &'static str, requester: &str| {
        let object = environment_object(name, &json!({names::REQUESTED_BY: requester}));
        let jana = jana.clone();
        async move { write::<DevEnvironment>(&jana, "written", object).await }
    };
    // A policy works a moment after it was made.
    let numbers = std::sync::atomic::AtomicUsize::new(0);
    ground::eventually("a forged name is refused", || async {
        let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let object = environment_object(&format!("early-{number}"), &json!({names::REQUESTED_BY: "emma"}));
        write::<DevEnvironment>(&jana, "written", object).await.is_err()
    })
    .await;
    let told = refusal(named("forged", "emma").await);
    assert!(told.contains("says who created the environment"), "{told}");
    named("true", "jana").await.unwrap();
    let api: Api<DevEnvironment> = Api::namespaced(jana.clone(), "written");
    let patch = json!({"metadata": {"annotations": {names::REQUESTED_BY: "emma"}}});
    let told = refusal(api.patch("true", &PatchParams::default(), &Patch::Merge(patch)).await);
    assert!(told.contains("stays as it is"), "{told}");
}

#[tokio::test]
async fn nobody_else_makes_a_namespace_that_looks_like_an_environments() {
    let ground = ground().await;
    let admin = ground.admin().await;
    let labels = json!({names::ENVIRONMENT: "x"});
    let forged: Namespace =
        serde_json::from_value(json!({"metadata": {"name": "env-forged", "labels": labels}})).unwrap();
    let told = refusal(ground::create(&Api::all(admin.clone()), &forged).await);
    assert!(told.contains("only the Slipway operator"), "{told}");
    let api: Api<Namespace> = Api::all(admin);
    let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
    refusal(api.patch("kube-public", &PatchParams::default(), &patch).await);
}
