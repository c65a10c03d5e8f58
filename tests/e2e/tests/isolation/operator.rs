//! What the operator may do is enough for its work, and for nothing else.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;

use super::ground::{self, CANARY, Fleet, environment_object, ground, refusal, write};

#[tokio::test]
async fn its_rights_are_enough_for_an_environments_whole_life() {
    let ground = ground().await;
    let fleet = Fleet::open(ground, "life").await;
    let operator = ground.start_operator("life");
    let admin = ground.admin().await;
    write::<DevEnvironment>(&admin, "life", environment_object("one", &json!({}))).await.unwrap();
    let environments: Api<DevEnvironment> = Api::namespaced(admin.clone(), &fleet.namespace);
    let has_namespace = |found: Option<&DevEnvironment>| {
        found.and_then(|one| one.status.as_ref()?.namespace.as_ref()?.uid.clone()).is_some()
    };
    let one = ground::until(environments.clone(), "one", has_namespace).await;
    let inside = one.status.unwrap().namespace.unwrap().name;
    let copies: Api<Secret> = Api::namespaced(admin.clone(), &inside);
    let copy =
        ground::until(copies.clone(), names::PULL_SECRET, |found: Option<&Secret>| found.is_some()).await;
    assert!(String::from_utf8(copy.data.unwrap()[".dockerconfigjson"].0.clone()).unwrap().contains(CANARY));
    let stores: Api<StatefulSet> = Api::namespaced(admin.clone(), &inside);
    ground::until(stores, "local", |found: Option<&StatefulSet>| found.is_some()).await;
    let policies: Api<NetworkPolicy> = Api::namespaced(admin.clone(), &inside);
    ground::until(policies, "environment", |found: Option<&NetworkPolicy>| found.is_some()).await;
    let services: Api<Service> = Api::namespaced(admin.clone(), &inside);
    ground::until(services, "www", |found: Option<&Service>| found.is_some()).await;

    let pulls = json!({"spec": {"pullSecret": null}});
    let fleets: Api<slipway_crds::v1alpha1::Fleet> = Api::namespaced(admin.clone(), "life");
    fleets.patch("fleet", &PatchParams::default(), &Patch::Merge(pulls)).await.unwrap();
    let uid = copy.metadata.uid.unwrap();
    let gone = kube::runtime::wait::conditions::is_deleted(&uid);
    let limit = std::time::Duration::from_mins(1);
    let wait = kube::runtime::wait::await_condition(copies, names::PULL_SECRET, gone);
    tokio::time::timeout(limit, wait).await.expect("the copy goes when the Fleet names none").unwrap();

    environments.delete("one", &DeleteParams::default()).await.unwrap();
    let is_going =
        |found: Option<&Namespace>| found.is_none_or(|one| one.metadata.deletion_timestamp.is_some());
    let namespaces: Api<Namespace> = Api::all(admin);
    let wait = kube::runtime::wait::await_condition(namespaces, &inside, is_going);
    tokio::time::timeout(limit, wait).await.expect("its namespace goes").unwrap();
    let log = operator.log();
    assert!(!log.to_lowercase().contains("forbidden"), "something was refused:\n{log}");
}

#[tokio::test]
async fn it_writes_nothing_outside_of_environments() {
    let ground = ground().await;
    ground.namespace("elsewhere").await;
    let operator = ground.operator().await;
    let labels = json!({"slipway.dev/environment": "x"});
    let config = json!({"metadata": {"name": names::PULL_SECRET, "labels": labels}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": "{\"auths\":{}}"}});
    let told = refusal(write::<Secret>(&operator, "kube-system", config.clone()).await);
    assert!(told.contains("writes only in namespaces of environments"), "{told}");
    let service = json!({"metadata": {"name": "x", "labels": labels}, "spec": {"ports": [{"port": 80}]}});
    let told = refusal(write::<Service>(&operator, "elsewhere", service).await);
    assert!(told.contains("writes only in namespaces of environments"), "{told}");
    let bare: Namespace = serde_json::from_value(json!({"metadata": {"name": "env-bare"}})).unwrap();
    let told = refusal(ground::create(&Api::all(operator.clone()), &bare).await);
    assert!(told.contains("only objects with the label"), "{told}");
    let system: Api<Namespace> = Api::all(operator.clone());
    refusal(system.delete("elsewhere", &DeleteParams::default()).await.map(drop));

    let inside = json!({"metadata": {"name": "env-inside-000000", "labels": labels}});
    let inside: Namespace = serde_json::from_value(inside).unwrap();
    ground::create(&Api::all(operator.clone()), &inside).await.unwrap();
    let mut other = config;
    other["metadata"]["name"] = json!("another");
    let told = refusal(write::<Secret>(&operator, "env-inside-000000", other).await);
    assert!(told.contains("no Secret but the pull Secret"), "{told}");
}

#[tokio::test]
async fn it_may_not_make_itself_mightier() {
    let ground = ground().await;
    let operator = ground.operator().await;
    let refused: [(&str, &str, &str, Value); 4] = [
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", json!({"rules": []})),
        ("v1", "Pod", "pods", json!({"spec": {"containers": [{"name": "a", "image": "a"}]}})),
        ("v1", "ServiceAccount", "serviceaccounts", json!({})),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", json!({})),
    ];
    for (api_version, kind, plural, mut body) in refused {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        body["metadata"] = json!({"name": "x"});
        let object: DynamicObject = serde_json::from_value(body).unwrap();
        let api: Api<DynamicObject> = match kind {
            "Pod" | "ServiceAccount" => Api::namespaced_with(operator.clone(), "default", &resource),
            _ => Api::all_with(operator.clone(), &resource),
        };
        let told = refusal(ground::create(&api, &object).await);
        assert!(told.contains("cannot create resource"), "{kind}: {told}");
    }
    let secrets: Api<Secret> = Api::all(operator.clone());
    refusal(secrets.list(&ListParams::default()).await.map(drop));
}

#[tokio::test]
async fn what_runs_in_an_environment_is_held_to_the_baseline() {
    let ground = ground().await;
    let fleet = Fleet::open(ground, "baseline").await;
    let _operator = ground.start_operator("baseline");
    let admin = ground.admin().await;
    write::<DevEnvironment>(&admin, "baseline", environment_object("one", &json!({}))).await.unwrap();
    let environments: Api<DevEnvironment> = Api::namespaced(admin.clone(), &fleet.namespace);
    let has_namespace = |found: Option<&DevEnvironment>| {
        found.and_then(|one| one.status.as_ref()?.namespace.as_ref()?.uid.clone()).is_some()
    };
    let one = ground::until(environments, "one", has_namespace).await;
    let inside = one.status.unwrap().namespace.unwrap().name;
    let account = ground::until(
        Api::<k8s_openapi::api::core::v1::ServiceAccount>::namespaced(admin.clone(), &inside),
        "default",
        |found: Option<&k8s_openapi::api::core::v1::ServiceAccount>| found.is_some(),
    );
    assert_eq!(account.await.name_any(), "default");
    let container = json!({"name": "a", "image": "a"});
    let mut privileged = container.clone();
    privileged["securityContext"] = json!({"privileged": true});
    let forbidden = [
        json!({"containers": [privileged]}),
        json!({"containers": [container], "volumes": [{"name": "host", "hostPath": {"path": "/"}}]}),
        json!({"containers": [container], "hostNetwork": true}),
        json!({"containers": [container], "hostPID": true}),
    ];
    for spec in forbidden {
        let told =
            refusal(write::<Pod>(&admin, &inside, json!({"metadata": {"name": "a"}, "spec": spec})).await);
        assert!(told.contains("violates PodSecurity"), "{told}");
    }
}
