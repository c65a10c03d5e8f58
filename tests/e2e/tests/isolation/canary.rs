//! Secrets are seen nowhere but where they were put.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use serde_json::json;
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{DevEnvironment, GitSync, ServiceRepo};

use super::ground::{self, CANARY, Fleet, environment_object, ground, write};

#[tokio::test]
async fn no_status_event_metric_page_or_log_has_a_secret() {
    let ground = ground().await;
    let fleet = Fleet::open(ground, "canary").await;
    let operator = ground.start_operator("canary");
    let admin = ground.admin().await;
    write::<DevEnvironment>(&admin, "canary", environment_object("one", &json!({}))).await.unwrap();
    // The password of the repository is right: it is used. The registry answers nobody: its login is used in vain.
    let repos: Api<ServiceRepo> = Api::namespaced(admin.clone(), &fleet.namespace);
    ground::until(repos, "www", |found: Option<&ServiceRepo>| {
        found
            .and_then(|one| one.status.as_ref())
            .is_some_and(|s| conditions::is_true(&s.conditions, conditions::READY))
    })
    .await;
    let environments: Api<DevEnvironment> = Api::namespaced(admin.clone(), &fleet.namespace);
    ground::until(environments, "one", |found: Option<&DevEnvironment>| {
        let status = found.and_then(|one| one.status.as_ref());
        status.is_some_and(|status| status.blocked_by.iter().any(|wait| wait.reason == "RegistryFailed"))
    })
    .await;
    let seen = [
        all::<DevEnvironment>(&admin).await,
        all::<ServiceRepo>(&admin).await,
        all::<GitSync>(&admin).await,
        all::<slipway_crds::v1alpha1::Fleet>(&admin).await,
        all::<Event>(&admin).await,
        all::<ConfigMap>(&admin).await,
        operator.get("/metrics").await,
        operator.log(),
    ];
    for text in seen {
        let at = text.find(CANARY).map(|at| &text[at.saturating_sub(200)..(at + 100).min(text.len())]);
        assert_eq!(at, None);
    }
    assert!(operator.log().len() > 1_000, "it logs down to debug messages");
}

async fn all<K>(client: &kube::Client) -> String
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
    K: serde::de::DeserializeOwned + serde::Serialize,
{
    let list = Api::<K>::all(client.clone()).list(&ListParams::default()).await.unwrap();
    serde_json::to_string(&list).unwrap()
}
