//! Helm installs Slipway, upgrades it, and removes it; what people made stays until they remove it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _, discovery};
use serde_json::Value;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, GitSync, ServiceRepo};
use slipway_demo::{Change, Demo, DemoOptions, NAMESPACE, TRUNK};
use slipway_e2e::chart::{self, Helm};
use slipway_e2e::environment;
use slipway_e2e::waiting::{until, until_all, until_gone};

const PATIENCE: Duration = Duration::from_mins(4);
const ENVIRONMENT: &str = "demo";

#[tokio::test(flavor = "multi_thread")]
async fn helm_installs_upgrades_and_removes_slipway_without_losing_or_leaving_anything() -> Result<()> {
    let demo = Box::pin(Demo::start(DemoOptions { operator: false, ..DemoOptions::default() })).await?;
    let told = Box::pin(story(&demo)).await;
    demo.stop().await?;
    told
}

async fn story(demo: &Demo) -> Result<()> {
    let helm = Helm::new(&demo.cluster().kubeconfig_path())?;
    let images = demo.push_operator().await?;
    let settings = [
        format!("image.controller={}", images.operator),
        format!("image.agent={}", images.agent),
        format!("plainHttpRegistries={{{}}}", images.plain_http_registry),
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|one| ["--set", one.as_str()]).collect();
    let install = [&["install", "slipway", "--create-namespace", "--wait"][..], &settings].concat();
    helm.run(&install)?;
    demo.sync_fleet().await?;
    demo.environment_ready(ENVIRONMENT, PATIENCE).await?;
    let made = Made::look(demo.client()).await?;

    let upgrade = [&["upgrade", "slipway", "--wait", "--set", "logFormat=text"][..], &settings].concat();
    helm.run(&upgrade)?;
    made.is_still_there(demo.client(), "after the upgrade").await?;
    follows_git(demo, "After the upgrade").await?;

    let made = Made::look(demo.client()).await?;
    let released = released(&helm)?;
    helm.run(&["uninstall", "slipway", "--wait"])?;
    Box::pin(nothing_is_left_of(&released, demo.client())).await?;
    made.is_still_there(demo.client(), "without an operator").await?;

    helm.run(&install)?;
    made.is_still_there(demo.client(), "with another operator").await?;
    follows_git(demo, "After the second installation").await?;

    remove_what_people_made(demo).await?;
    helm.run(&["uninstall", "slipway", "--wait"])?;
    remove_kinds(demo.client()).await?;
    nothing_carries_our_labels(demo.client()).await
}

/// What must survive: objects by UID, and the environment's pods with their restarts.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    objects: Vec<String>,
    pods: Vec<(String, String, i32)>,
}

impl Made {
    async fn look(client: &Client) -> Result<Self> {
        let mut objects = uids::<GitSync>(client).await?;
        objects.extend(uids::<Fleet>(client).await?);
        objects.extend(uids::<ServiceRepo>(client).await?);
        objects.extend(uids::<DevEnvironment>(client).await?);
        let ours = watcher::Config::default().labels(names::ENVIRONMENT);
        // A pod that was replaced takes a moment to go.
        let none_goes = |pods: &[Arc<Pod>]| pods.iter().all(|pod| pod.metadata.deletion_timestamp.is_none());
        let pods = until_all(&Api::<Pod>::all(client.clone()), ours, "no pod is going", none_goes).await?;
        let restarts = |pod: &Arc<Pod>| {
            let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.clone());
            statuses.unwrap_or_default().iter().map(|status| status.restart_count).sum()
        };
        let mut pods: Vec<_> =
            pods.iter().map(|pod| (pod.name_any(), pod.uid().unwrap_or_default(), restarts(pod))).collect();
        pods.sort();
        Ok(Self { objects, pods })
    }

    async fn is_still_there(&self, client: &Client, when: &str) -> Result<()> {
        let now = Self::look(client).await?;
        ensure!(now == *self, "{when} there is {now:?}; before, there was {self:?}");
        Ok(())
    }
}

async fn uids<K>(client: &Client) -> Result<Vec<String>>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope> + Clone + std::fmt::Debug,
    K: serde::de::DeserializeOwned,
{
    let found = Api::<K>::namespaced(client.clone(), NAMESPACE).list(&ListParams::default()).await?;
    Ok(found.iter().map(|one| format!("{} {}", one.name_any(), one.uid().unwrap_or_default())).collect())
}

/// A push is what shows that the operator works.
async fn follows_git(demo: &Demo, words: &str) -> Result<()> {
    let change = Change::write("CHANGES.md", words);
    let pushed = demo.commit("www", TRUNK, &[change]).await?;
    let what = format!("{words}: www at {}", pushed.commit);
    let runs = |found: &DevEnvironment| {
        slipway_demo::is_ready(found) && environment::runs(found, "www", &pushed.commit)
    };
    until(&demo.environments(), ENVIRONMENT, &what, runs).await.map(drop)
}

/// Everything of the release but the kinds.
fn released(helm: &Helm) -> Result<Vec<Value>> {
    let text = helm.run(&["get", "manifest", "slipway"])?;
    let objects: Vec<Value> = serde_yaml::from_multiple(&text).context("the release is not YAML")?;
    let objects: Vec<_> =
        objects.into_iter().filter(|object| object["kind"] != "CustomResourceDefinition").collect();
    ensure!(objects.iter().any(|object| object["kind"] == "Deployment"), "the release has an operator");
    Ok(objects)
}

async fn nothing_is_left_of(released: &[Value], client: &Client) -> Result<()> {
    for object in released {
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        let kind = GroupVersionKind::try_from(object.types.as_ref().context("a kind")?)?;
        let (resource, capabilities) = discovery::pinned_kind(client, &kind).await?;
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) if capabilities.scope == discovery::Scope::Namespaced => {
                Api::namespaced_with(client.clone(), namespace, &resource)
            }
            _ => Api::all_with(client.clone(), &resource),
        };
        let found = api.get_opt(&object.name_any()).await?;
        ensure!(found.is_none(), "{} {} is left", kind.kind, object.name_any());
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), chart::NAMESPACE);
    for pod in pods.list(&ListParams::default()).await? {
        until_gone(&pods, &pod.name_any()).await?;
    }
    Ok(())
}

/// As the README says: first what Slipway made for people, while it is there to end it.
async fn remove_what_people_made(demo: &Demo) -> Result<()> {
    let syncs: Api<GitSync> = Api::namespaced(demo.client().clone(), NAMESPACE);
    for sync in syncs.list(&ListParams::default()).await? {
        syncs.delete(&sync.name_any(), &DeleteParams::default()).await?;
        until_gone(&syncs, &sync.name_any()).await?;
    }
    until_gone(&demo.environments(), ENVIRONMENT).await
}

async fn remove_kinds(client: &Client) -> Result<()> {
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in slipway_crds::definitions() {
        kinds.delete(&definition.name_any(), &DeleteParams::default()).await?;
        until_gone(&kinds, &definition.name_any()).await?;
    }
    Ok(())
}

async fn nothing_carries_our_labels(client: &Client) -> Result<()> {
    let spaces: Api<Namespace> = Api::all(client.clone());
    let left = spaces.list(&ListParams::default().labels(names::ENVIRONMENT)).await?;
    ensure!(left.items.is_empty(), "namespaces of environments are left");
    let ours = ListParams::default().labels("app.kubernetes.io/part-of=slipway");
    let deployments = Api::<Deployment>::all(client.clone()).list(&ours).await?;
    ensure!(deployments.items.is_empty(), "an operator is left");
    let roles = Api::<k8s_openapi::api::rbac::v1::ClusterRole>::all(client.clone()).list(&ours).await?;
    ensure!(roles.items.is_empty(), "rights are left");
    Ok(())
}
