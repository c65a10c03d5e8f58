//! The command line tool on pods that come and go.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use serde_json::json;
use slipway_demo::get;
use slipway_e2e::cli::Slipway;
use slipway_e2e::environment::namespace;
use slipway_e2e::waiting::{until_answered, until_gone};
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};
use tokio::io::{AsyncBufReadExt as _, BufReader};

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "hand: addresses that were opened outlive the pods behind them",
            run: |world| open(world).boxed_local(),
        },
        Story {
            name: "hand: a restart swaps the pods of the named service and no other, and why and logs tell of it",
            run: |world| restart(world).boxed_local(),
        },
    ]
}

async fn begin<'a>(world: &'a World, name: &str) -> Result<(Yard<'a>, Slipway, String)> {
    let file = yard::environment("hand", &json!({"services": ["eta", "ats"]}));
    let yard = Yard::open(world, name, &Layout::of(&["eta", "ats"]), &[file]).await?;
    let environment = yard.ready("hand").await?;
    let slipway = Slipway::new(world, yard.namespace())?;
    let namespace = namespace(&environment)?;
    Ok((yard, slipway, namespace))
}

async fn open(world: &World) -> Result<()> {
    let (yard, slipway, namespace) = begin(world, "hand-open").await?;
    let mut opened = slipway.begin(&["open", "eta", "ats:80", "-e", "hand"])?;
    let mut lines = BufReader::new(opened.stdout.take().context("no output")?).lines();
    let mut addresses = Vec::new();
    while addresses.len() < 2 {
        let line = lines.next_line().await?.context("it ended before it opened both")?;
        addresses.push(line.trim_start_matches("http://").parse::<SocketAddr>()?);
    }
    let (eta, ats) = (addresses[0], addresses[1]);
    get(ats, "/places").await.context("ats does not answer")?;
    get(eta, "/eta?from=3,5&to=1,-1").await.context("eta does not answer")?;

    let all: kube::Api<Pod> = yard.within(&namespace);
    let old = pods::of_service(&all, "eta").await?;
    all.delete(&old, &DeleteParams::default()).await?;
    until_gone(&all, &old).await?;
    until_answered("eta answers at the same address", async || get(eta, "/eta?from=3,5&to=1,-1").await)
        .await?;
    let new = pods::of_service(&all, "eta").await?;
    ensure!(new != old, "the pod is the same");
    opened.kill().await?;
    Ok(())
}

async fn restart(world: &World) -> Result<()> {
    let (yard, slipway, namespace) = begin(world, "hand-restart").await?;
    let before = pods::crew(yard.client(), &namespace).await?;
    let commit = yard.head("eta", slipway_demo::TRUNK)?;
    slipway.ends_with(0, &["restart", "eta", "-e", "hand"]).await?;
    let after = pods::crew(yard.client(), &namespace).await?;
    let changed = pods::changed(&before, &after);
    ensure!(changed == ["eta"], "the pods of {changed:?} changed: {before:?} {after:?}");

    let why = slipway.ends_with(0, &["why", "eta", "-e", "hand"]).await?.printed;
    ensure!(why.contains(&format!("{commit}: trunk main")) && why.contains("is ready"), "{why}");
    let recent =
        slipway.ends_with(0, &["logs", "-e", "hand", "--since", "1h", "--source", "run"]).await?.printed;
    ensure!(recent.contains("eta │ "), "{recent}");
    let tests = slipway.ends_with(1, &["logs", "-e", "hand", "--source", "test"]).await?.printed;
    ensure!(tests.contains("nothing has printed anything yet"), "{tests}");
    let strict = ["logs", "eta", "-e", "hand", "--level", "error", "--strict-level"];
    let errors = slipway.ends_with(0, &strict).await?.printed;
    ensure!(!errors.contains("eta │ "), "eta prints no error: {errors}");
    Ok(())
}
