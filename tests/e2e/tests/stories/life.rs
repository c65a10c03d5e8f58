//! How an environment ends and begins again, with its object kept.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_e2e::cli::Slipway;
use slipway_e2e::environment::{has_ended, locked, namespace, namespaces};
use slipway_e2e::{Layout, Story, World, Yard, yard};

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "life: an expired environment keeps its object and loses its namespace, keep prolongs",
            run: |world| expiry(world).boxed_local(),
        },
        Story {
            name: "life: stop removes the namespace and keeps the object, start brings it back",
            run: |world| stop_and_start(world).boxed_local(),
        },
    ]
}

async fn expiry(world: &World) -> Result<()> {
    let spec = json!({"services": ["eta"], "ttl": "25s"});
    let files = [yard::environment("brief", &spec), yard::environment("kept", &spec)];
    let yard = Yard::open(world, "expiry", &Layout::of(&["eta"]), &files).await?;
    let slipway = Slipway::new(world, yard.namespace())?;
    let expires = |found: &DevEnvironment| found.status.as_ref().and_then(|status| status.expires_at);
    let before = yard.until("kept", "says when it expires", |found| expires(found).is_some()).await?;
    slipway.ends_with(0, &["keep", "kept", "--for", "1h"]).await?;
    let prolonged = |found: &DevEnvironment| match (expires(&before), expires(found)) {
        (Some(first), Some(now)) => now.duration_since(first).as_secs() > 3_000,
        _ => false,
    };
    yard.until("kept", "expires an hour later", prolonged).await?;

    let lives = |found: &DevEnvironment| namespace(found).is_ok();
    yard.until("brief", "has a namespace", lives).await?;
    let ended = yard.until("brief", "expired", |found| has_ended(found, "Expired")).await?;
    ensure!(locked(&ended, "eta").is_some_and(|locked| locked.commit.is_some()), "what it ran is forgotten");
    ensure!(namespaces(yard.client(), yard.namespace(), "brief").await?.is_empty(), "its namespace is there");
    ensure!(ended.spec.ttl.as_deref() == Some("25s"), "its spec was edited");
    yard.ready("kept").await?;
    Ok(())
}

async fn stop_and_start(world: &World) -> Result<()> {
    let file = yard::environment("nap", &json!({"services": ["eta"]}));
    let yard = Yard::open(world, "nap", &Layout::of(&["eta"]), &[file]).await?;
    let slipway = Slipway::new(world, yard.namespace())?;
    let awake = yard.ready("nap").await?;
    slipway.ends_with(0, &["stop", "nap"]).await?;
    let asleep = yard.until("nap", "stopped", |found| has_ended(found, "Stopped")).await?;
    ensure!(asleep.spec == awake.spec && asleep.metadata.uid == awake.metadata.uid, "the object was edited");
    ensure!(namespaces(yard.client(), yard.namespace(), "nap").await?.is_empty(), "its namespace is there");

    slipway.ends_with(0, &["start", "--env", "nap"]).await?;
    let again = yard.ready("nap").await?;
    ensure!(again.metadata.uid == awake.metadata.uid, "it is another object");
    Ok(())
}
