//! A fleet at rest.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher;
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::{TRUNK, is_ready};
use slipway_e2e::audit::{Audit, Write};
use slipway_e2e::environment::has_ended;
use slipway_e2e::operator::USER;
use slipway_e2e::waiting::{until, until_all};
use slipway_e2e::{Layout, Story, World, Yard, yard};
use tokio::time::{Instant, sleep};

/// What is promised.
const REST: Duration = Duration::from_mins(2);
/// After that long without a write the fleet counts as at rest.
const SETTLED: Duration = Duration::from_secs(5);
/// It must come to rest within this.
const LIMIT: Duration = Duration::from_mins(2);

const NAMESPACE: &str = "story-rest";

/// Told with the others, so that the last story need not wait for it.
pub fn preparations() -> Vec<Story> {
    vec![Story {
        name: "rest: two environments get ready and a run finishes",
        run: |world| prepare(world).boxed_local(),
    }]
}

pub fn stories() -> Vec<Story> {
    vec![Story {
        name: "rest: for two minutes the operator writes nothing but its lease",
        run: |world| quiet(world).boxed_local(),
    }]
}

async fn prepare(world: &World) -> Result<()> {
    let commit = yard::head(world, "dispatch", TRUNK)?;
    let files = [
        yard::environment("still", &json!({"services": ["eta", "local"]})),
        yard::environment("tested", &json!({"integration": {"service": "dispatch", "commit": commit}})),
    ];
    Yard::open(world, "rest", &Layout::of(&["dispatch", "eta"]), &files).await?;
    at_rest(world).await
}

/// Two Ready environments, one of them the whole fleet, and one finished run.
async fn at_rest(world: &World) -> Result<()> {
    let environments: Api<DevEnvironment> = Api::namespaced(world.demo.client().clone(), NAMESPACE);
    until(&world.demo.environments(), "demo", "the whole fleet is ready", is_ready).await?;
    until(&environments, "still", "ready", is_ready).await?;
    until(&environments, "tested", "its run is over", |found| has_ended(found, "Finished")).await?;
    Ok(())
}

async fn quiet(world: &World) -> Result<()> {
    let there: Api<DevEnvironment> = Api::all(world.demo.client().clone());
    let in_rest = ListParams::default().fields(&format!("metadata.namespace={NAMESPACE}"));
    if there.list(&in_rest).await?.items.is_empty() {
        prepare(world).await?;
    }
    at_rest(world).await?;
    let audit = Audit::of(world.demo.cluster());
    ensure!(
        !of_operator(audit.since(0)?).is_empty(),
        "the log names no write of {USER}: this proves nothing"
    );
    settle(world, &audit).await?;

    let mark = audit.mark()?;
    sleep(REST).await;
    let all = audit.since(mark)?;
    ensure!(all.iter().any(|write| write.user != USER), "the log has stopped: this proves nothing");
    let writes = of_operator(all);
    ensure!(writes.is_empty(), "{} writes in {} s: {writes:#?}", writes.len(), REST.as_secs());
    at_rest(world).await
}

/// Everything the operator writes but leases.
fn of_operator(writes: Vec<Write>) -> Vec<Write> {
    writes.into_iter().filter(|write| write.user == USER && write.resource != "leases").collect()
}

/// Nothing that other stories began goes on.
async fn settle(world: &World, audit: &Audit) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(world.demo.client().clone());
    let stays = |found: &Arc<Namespace>| found.metadata.deletion_timestamp.is_none();
    let all_stay = |found: &[Arc<Namespace>]| found.iter().all(stays);
    until_all(&namespaces, watcher::Config::default(), "no namespace is being removed", all_stay).await?;
    let deadline = Instant::now() + LIMIT;
    loop {
        let mark = audit.mark()?;
        sleep(SETTLED).await;
        let writes = of_operator(audit.since(mark)?);
        if writes.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "it does not come to rest: {writes:#?}");
    }
}
