//! All five stores in one `local`, each spoken to by its own client library.

use anyhow::{Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use slipway_demo::{Change, Sources, StoreImages, TRUNK};
use slipway_e2e::environment::namespace;
use slipway_e2e::waiting::{until, until_answered};
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};
use slipway_plan::manifest;

const FLEET: &str = include_str!("stores/fleet.yaml");
const MANIFEST: &str = include_str!("stores/manifest.yaml");
const CLIENTS: &str = "clients";

pub fn stories() -> Vec<Story> {
    vec![Story {
        name: "stores: what five client libraries wrote is there after the stores' pod was deleted",
        run: |world| survive(world).boxed_local(),
    }]
}

/// Makes the images where this machine has never made them, so that no story waits for a download.
pub async fn prepare() -> Result<()> {
    tokio::task::spawn_blocking(|| StoreImages::prepare(&Sources::of_this_checkout()?).map(drop)).await?
}

/// What each store has; nothing in a store is `null`.
fn everywhere(word: &Value) -> Value {
    let stores = ["redis", "mongodb", "dynamodb", "sqs", "kinesis"];
    stores.into_iter().map(|store| (store.to_owned(), word.clone())).collect::<serde_json::Map<_, _>>().into()
}

async fn clients(all: &Api<Pod>, words: &[&str]) -> Result<String> {
    let pod = pods::of_service(all, CLIENTS).await?;
    pods::exec(all, &pod, CLIENTS, &[&["node", "stores.js"], words].concat()).await
}

async fn read(all: &Api<Pod>) -> Result<Value> {
    Ok(serde_json::from_str(&clients(all, &["read"]).await?)?)
}

async fn survive(world: &World) -> Result<()> {
    let images =
        tokio::task::spawn_blocking(|| StoreImages::prepare(&Sources::of_this_checkout()?)).await??;
    world.demo.push_stores(&images).await?;
    let repository = world.create_repository(CLIENTS)?;
    repository.commit(TRUNK, "The clients", &[Change::write(manifest::FILE, MANIFEST)])?;
    let file = yard::environment("all", &json!({"services": [CLIENTS]}));
    let yard = Yard::open(world, "stores", &Layout::of(&[CLIENTS]).fleet_file(FLEET), &[file]).await?;
    let ready = yard.ready("all").await?;
    let stores = ready.status.as_ref().map(|status| status.stores.len());
    ensure!(stores == Some(5), "its status has {stores:?} stores");

    let all: Api<Pod> = yard.within(&namespace(&ready)?);
    ensure!(read(&all).await? == everywhere(&Value::Null), "a new environment has data");
    clients(&all, &["write", "kept"]).await?;
    let before = all.get("local-0").await?.uid();
    all.delete("local-0", &DeleteParams::default()).await?;
    until(&all, "local-0", "another pod", |found| found.uid() != before).await?;
    yard.ready("all").await?;
    let values = until_answered("the stores answer", async || read(&all).await).await?;
    ensure!(values == everywhere(&json!("kept")), "after the pod was deleted: {values}");
    Ok(())
}
