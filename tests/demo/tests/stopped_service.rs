//! The check of the demo can fail: it does when any one part of the fleet is stopped.
#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::conditions;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use slipway_demo::{Demo, DemoOptions, travel, travel_within, wait_for};

const PATIENCE: Duration = Duration::from_mins(3);

/// A workload that is stopped and started again.
#[derive(Clone)]
enum Workload {
    Deployment(Api<Deployment>, String),
    StatefulSet(Api<StatefulSet>, String),
}

impl Workload {
    fn name(&self) -> &str {
        match self {
            Self::Deployment(_, name) | Self::StatefulSet(_, name) => name,
        }
    }

    /// Returns when as many pods are ready, and none of an older number is left.
    async fn scale(&self, replicas: i32) {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        let ready = replicas;
        match self {
            Self::Deployment(api, name) => {
                api.patch(name, &PatchParams::default(), &patch).await.unwrap();
                let wish = move |found: &Deployment| {
                    let status = found.status.clone().unwrap_or_default();
                    status.replicas.unwrap_or(0) == ready && status.ready_replicas.unwrap_or(0) == ready
                };
                wait_for(api.clone(), name, PATIENCE, wish).await.unwrap();
            }
            Self::StatefulSet(api, name) => {
                api.patch(name, &PatchParams::default(), &patch).await.unwrap();
                let wish = move |found: &StatefulSet| {
                    let status = found.status.clone().unwrap_or_default();
                    status.replicas == ready && status.ready_replicas.unwrap_or(0) == ready
                };
                wait_for(api.clone(), name, PATIENCE, wish).await.unwrap();
            }
        }
    }
}

async fn workloads(client: &Client, namespace: &str) -> Vec<Workload> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let stateful: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let mut found = Vec::new();
    for one in deployments.list(&ListParams::default()).await.unwrap() {
        found.push(Workload::Deployment(deployments.clone(), one.name_any()));
    }
    for one in stateful.list(&ListParams::default()).await.unwrap() {
        found.push(Workload::StatefulSet(stateful.clone(), one.name_any()));
    }
    found
}

/// Pods that are being ended still answer for a moment.
async fn wait_until_no_pod_ends(client: &Client, namespace: &str) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        if pod.metadata.deletion_timestamp.is_some() {
            let (name, uid) = (pod.name_any(), pod.uid().unwrap());
            let wait = await_condition(pods.clone(), &name, conditions::is_deleted(&uid));
            tokio::time::timeout(PATIENCE, wait).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn the_journey_fails_with_any_one_service_stopped_and_works_again_afterwards() {
    let demo = Demo::start(DemoOptions::default()).await.unwrap();
    let environment = demo.environment_ready("demo", PATIENCE).await.unwrap();
    let www = demo.publish(&environment, "www").await.unwrap();
    let namespace = environment.status.unwrap().namespace.unwrap().name;
    // Or it would start again what is stopped here.
    let operator: Api<Deployment> = Api::namespaced(demo.client().clone(), "slipway-system");
    Workload::Deployment(operator, "slipway-controller".to_owned()).scale(0).await;

    let workloads = workloads(demo.client(), &namespace).await;
    let names: Vec<&str> = workloads.iter().map(Workload::name).collect();
    assert_eq!(names, ["api", "ats", "dispatch-web", "dispatch-worker", "eta", "www", "local"]);
    for workload in &workloads {
        travel_within(www, PATIENCE)
            .await
            .unwrap_or_else(|error| panic!("before {} stops: {error:#}", workload.name()));
        workload.scale(0).await;
        wait_until_no_pod_ends(demo.client(), &namespace).await;
        let outcome = travel(www).await;
        assert!(outcome.is_err(), "without {} the answer is {outcome:?}", workload.name());
        workload.scale(1).await;
    }
    travel_within(www, PATIENCE).await.unwrap();
    demo.stop().await.unwrap();
}
