//! Deletion under bad circumstances.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume};
use kube::api::{DeleteParams, ListParams};
use kube::runtime::watcher;
use kube::{Api, Client};
use serde_json::json;
use slipway_crds::v1alpha1::{Fleet, ServiceRepo};
use slipway_e2e::environment::namespace;
use slipway_e2e::git::SecondServer;
use slipway_e2e::waiting::{until_all, until_gone};
use slipway_e2e::yard::SYNC;
use slipway_e2e::{Layout, Story, World, Yard, yard};

const PORT: u16 = 3080;

pub fn stories() -> Vec<Story> {
    vec![Story {
        name: "deletion: while the operator is down and git is gone; afterwards nothing is left",
        run: |world| all_gone(world).boxed_local(),
    }]
}

async fn all_gone(world: &World) -> Result<()> {
    let git = SecondServer::start(world, PORT).await?;
    let files = [
        yard::environment("one", &json!({"services": ["eta", "local"]})),
        yard::environment("two", &json!({"services": ["eta"]})),
    ];
    let yard = Yard::open(world, "deletion", &Layout::of(&["eta"]).git(&git.url()), &files).await?;
    let namespaces = [namespace(&yard.ready("one").await?)?, namespace(&yard.ready("two").await?)?];
    ensure!(volumes(yard.client(), &namespaces[0]).await? == 1, "no volume: this proves less");

    let turn = world.operator.turn().await;
    world.operator.stop().await?;
    git.end(world).await?;
    yard.environments().delete("one", &DeleteParams::default()).await?;
    yard.syncs().delete(SYNC, &DeleteParams::default()).await?;
    ensure!(yard.environments().get("one").await?.metadata.deletion_timestamp.is_some(), "it does not wait");
    world.operator.start().await?;
    drop(turn);

    until_gone(&yard.syncs(), SYNC).await?;
    for name in ["one", "two"] {
        until_gone(&yard.environments(), name).await?;
    }
    nothing_left(&yard, &namespaces).await
}

async fn nothing_left(yard: &Yard<'_>, namespaces: &[String]) -> Result<()> {
    let all: Api<Namespace> = Api::all(yard.client().clone());
    for namespace in namespaces {
        ensure!(all.get_opt(namespace).await?.is_none(), "{namespace} is left");
    }
    until_all(
        &yard.within::<ServiceRepo>(yard.namespace()),
        watcher::Config::default(),
        "no ServiceRepo",
        <[_]>::is_empty,
    )
    .await?;
    until_all(
        &yard.within::<Fleet>(yard.namespace()),
        watcher::Config::default(),
        "no Fleet",
        <[_]>::is_empty,
    )
    .await?;
    let of_one = |volume: &Arc<PersistentVolume>| is_of(volume, &namespaces[0]);
    let volumes: Api<PersistentVolume> = Api::all(yard.client().clone());
    until_all(&volumes, watcher::Config::default(), "no volume", |found| !found.iter().any(of_one)).await?;
    Ok(())
}

async fn volumes(client: &Client, namespace: &str) -> Result<usize> {
    let all = Api::<PersistentVolume>::all(client.clone()).list(&ListParams::default()).await?;
    Ok(all.iter().filter(|volume| is_of(volume, namespace)).count())
}

fn is_of(volume: &PersistentVolume, namespace: &str) -> bool {
    let claim = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    claim.is_some_and(|claim| claim.namespace.as_deref() == Some(namespace))
}
