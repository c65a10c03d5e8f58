//! Hands. Every polling interval is an hour: what is put back is seen by watches.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{DevEnvironment, GitSync};
use slipway_e2e::environment::{condition, namespace};
use slipway_e2e::waiting::{Watched, until};
use slipway_e2e::yard::SYNC;
use slipway_e2e::{Layout, Story, World, Yard, yard};

/// Who changes things by hand.
const HAND: &str = "somebody-by-hand";

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "drift: what hands change is put back, what nobody declared is left alone",
            run: |world| put_back(world).boxed_local(),
        },
        Story {
            name: "drift: an object of somebody else is a conflict and stays untouched",
            run: |world| conflict(world).boxed_local(),
        },
    ]
}

async fn change<K: Watched>(api: &Api<K>, name: &str, patch: Value) -> Result<()> {
    let params = PatchParams { field_manager: Some(HAND.to_owned()), ..PatchParams::default() };
    api.patch(name, &params, &Patch::Merge(patch)).await?;
    Ok(())
}

async fn put_back(world: &World) -> Result<()> {
    let layout = Layout::of(&["eta"]).interval("1h");
    let spec = json!({"services": ["eta"], "env": {"TOWN": "harbour"}});
    let file = yard::labelled_environment("hands", &json!({"team": "rider"}), &spec);
    let yard = Yard::open(world, "drift", &layout, &[file]).await?;
    let namespace = namespace(&yard.ready("hands").await?)?;
    deployment(&yard, &namespace).await?;
    service(&yard, &namespace).await?;
    environment(&yard).await
}

async fn deployment(yard: &Yard<'_>, namespace: &str) -> Result<()> {
    let api: Api<Deployment> = yard.within(namespace);
    change(&api, "eta", json!({"metadata": {"annotations": {"note": "kept"}}})).await?;
    change(&api, "eta", json!({"spec": {"replicas": 3}})).await?;
    until(&api, "eta", "one replica again", |found| replicas(found) == Some(1)).await?;

    let list = json!([{"name": "eta", "env": [{"name": "TOWN", "value": "elsewhere"}]}]);
    let patch = Patch::Strategic(json!({"spec": {"template": {"spec": {"containers": list}}}}));
    let params = PatchParams { field_manager: Some(HAND.to_owned()), ..PatchParams::default() };
    let changed = api.patch("eta", &params, &patch).await?;
    ensure!(
        variable(&changed).as_deref() == Some("elsewhere"),
        "the hand has no effect: this proves nothing"
    );
    let found =
        until(&api, "eta", "TOWN is harbour again", |found| variable(found).as_deref() == Some("harbour"));
    ensure!(
        found.await?.annotations().get("note").is_some_and(|note| note == "kept"),
        "an annotation is gone"
    );
    names_the_hand(yard).await
}

fn replicas(found: &Deployment) -> Option<i32> {
    found.spec.as_ref()?.replicas
}

fn variable(found: &Deployment) -> Option<String> {
    let container = found.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.clone();
    container.env?.into_iter().find(|variable| variable.name == "TOWN")?.value
}

async fn names_the_hand(yard: &Yard<'_>) -> Result<()> {
    let events = yard.within::<Event>(yard.namespace()).list(&ListParams::default()).await?;
    let mut notes = events.iter().filter_map(|event| event.note.as_deref());
    ensure!(notes.any(|note| note.contains(HAND)), "no event names {HAND}");
    Ok(())
}

/// A deleted Service comes back at its address.
async fn service(yard: &Yard<'_>, namespace: &str) -> Result<()> {
    let api: Api<Service> = yard.within(namespace);
    let before = api.get("eta").await?;
    api.delete("eta", &DeleteParams::default()).await?;
    let another = |found: &Service| found.uid() != before.uid();
    let after = until(&api, "eta", "made again", another).await?;
    let address = |service: &Service| service.spec.as_ref().and_then(|spec| spec.cluster_ip.clone());
    ensure!(address(&before).is_some() && address(&before) == address(&after), "it came back elsewhere");
    Ok(())
}

/// What came from git, and a label that did not.
async fn environment(yard: &Yard<'_>) -> Result<()> {
    let api = yard.environments();
    change(&api, "hands", json!({"metadata": {"labels": {"team": "other", "mine": "kept"}}})).await?;
    let label = |found: &DevEnvironment, name: &str| found.labels().get(name).cloned();
    let back =
        until(&api, "hands", "team is rider again", |found| label(found, "team").as_deref() == Some("rider"));
    ensure!(label(&back.await?, "mine").as_deref() == Some("kept"), "a label that nobody declared is gone");
    change(&api, "hands", json!({"spec": {"env": {"TOWN": "elsewhere"}}})).await?;
    let town = |found: &DevEnvironment| found.spec.env.get("TOWN").cloned();
    until(&api, "hands", "the spec is as in git again", |found| town(found).as_deref() == Some("harbour"))
        .await?;
    Ok(())
}

async fn conflict(world: &World) -> Result<()> {
    let layout = Layout::of(&["eta", "ats"]).interval("1h");
    let file = yard::environment("shared", &json!({"services": ["eta"]}));
    let yard = Yard::open(world, "conflict", &layout, &[file]).await?;
    let namespace = namespace(&yard.ready("shared").await?)?;
    let service = theirs(&yard, &namespace).await?;

    yard.push(&[
        yard::environment("shared", &json!({"services": ["eta", "ats"]})),
        yard::environment("theirs", &json!({"services": ["eta"]})),
    ])
    .await?;
    let conflicts = |found: &DevEnvironment| {
        condition(found, conditions::CONFLICT).is_some_and(|found| found.message.contains("ats"))
    };
    yard.until("shared", "names the Service in conflict", conflicts).await?;
    let conflicts = |found: &GitSync| {
        let status = found.status.as_ref();
        let found = status.and_then(|status| conditions::find(&status.conditions, conditions::CONFLICT));
        found.is_some_and(|found| found.message.contains("theirs"))
    };
    until(&yard.syncs(), SYNC, "names the environment in conflict", conflicts).await?;
    untouched(&yard, &namespace, &service).await
}

/// A Service and an environment that somebody else made, under names that are about to be declared.
async fn theirs(yard: &Yard<'_>, namespace: &str) -> Result<Service> {
    let environment =
        json!({"metadata": {"name": "theirs"}, "spec": {"services": ["eta"], "env": {"A": "theirs"}}});
    yard.environments().create(&PostParams::default(), &serde_json::from_value(environment)?).await?;
    let service = json!({"metadata": {"name": "ats"}, "spec": {"ports": [{"port": 99}]}});
    Ok(yard.within(namespace).create(&PostParams::default(), &serde_json::from_value(service)?).await?)
}

async fn untouched(yard: &Yard<'_>, namespace: &str, service: &Service) -> Result<()> {
    let api: Api<Service> = yard.within(namespace);
    ensure!(
        api.get("ats").await?.resource_version() == service.resource_version(),
        "the Service was touched"
    );
    let environment = yard.environments().get("theirs").await?;
    ensure!(
        environment.spec.env.get("A").is_some_and(|value| value == "theirs"),
        "the environment was changed"
    );
    ensure!(environment.metadata.generation == Some(1), "the environment was changed");

    api.delete("ats", &DeleteParams::default()).await?;
    let ready = yard.ready("shared").await?;
    let address = slipway_e2e::environment::locked(&ready, "ats").context("ats does not run")?;
    ensure!(address.ready, "ats takes the name once it is free");
    Ok(())
}
