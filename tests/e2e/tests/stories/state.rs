//! Data of an environment's stores.

use anyhow::{Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use serde_json::json;
use slipway_e2e::environment::namespace;
use slipway_e2e::waiting::{until, until_answered};
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};

/// In dispatch's own words: its table of journeys.
const PUT: &str = "my $s = Store->new; $s->prepare; $s->put('5702', 42)";
const GET: &str = "my $s = Store->new; $s->prepare; print $s->get('5702') // 'nothing'";

pub fn stories() -> Vec<Story> {
    vec![Story {
        name: "state: values of both stores survive their pod, and no other environment sees them",
        run: |world| survive(world).boxed_local(),
    }]
}

/// One environment, seen through its pods.
struct Stores {
    pods: Api<Pod>,
}

impl Stores {
    async fn of(yard: &Yard<'_>, name: &str) -> Result<Self> {
        Ok(Self { pods: yard.within(&namespace(&yard.ready(name).await?)?) })
    }

    async fn redis(&self, words: &[&str]) -> Result<String> {
        let command = [&["redis-cli"], words].concat();
        Ok(pods::exec(&self.pods, "local-0", "redis", &command).await?.trim().to_owned())
    }

    async fn dynamodb(&self, script: &str) -> Result<String> {
        let pod = pods::of_service(&self.pods, "dispatch/web").await?;
        pods::exec(&self.pods, &pod, "dispatch", &["perl", "-Ilib", "-MStore", "-e", script]).await
    }

    /// What both stores have.
    async fn values(&self) -> Result<[String; 2]> {
        Ok([self.redis(&["get", "story"]).await?, self.dynamodb(GET).await?])
    }
}

async fn survive(world: &World) -> Result<()> {
    let spec = json!({"services": ["dispatch"]});
    let files = [yard::environment("mine", &spec), yard::environment("other", &spec)];
    let yard = Yard::open(world, "state", &Layout::of(&["dispatch", "eta"]), &files).await?;
    let (mine, other) = (Stores::of(&yard, "mine").await?, Stores::of(&yard, "other").await?);
    mine.redis(&["set", "story", "kept"]).await?;
    mine.dynamodb(PUT).await?;
    ensure!(mine.values().await? == ["kept", "42"], "the values were not written: this proves nothing");

    let before = mine.pods.get("local-0").await?.uid();
    mine.pods.delete("local-0", &DeleteParams::default()).await?;
    until(&mine.pods, "local-0", "another pod", |found| found.uid() != before).await?;
    yard.ready("mine").await?;
    let values = until_answered("the stores answer", async || mine.values().await).await?;
    ensure!(values == ["kept", "42"], "after the pod was deleted: {values:?}");
    let values = other.values().await?;
    ensure!(values == ["", "nothing"], "the other environment sees {values:?}");
    Ok(())
}
