//! `slipway-demo run`: from nothing to a fleet that answers on this machine.

mod builds;
mod checklist;
mod farewell;
mod integration;
mod live;
mod report;
mod terminal;
mod watch;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use slipway_crds::v1alpha1::DevEnvironment;

use crate::demo::{Demo, DemoOptions, NAMESPACE};
use crate::fleet::DemoFleet;
use crate::journey;
use crate::programs::Program;

/// How long it may take once the operator runs; the builds are in it.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long the first journey may take once every service is ready.
const SETTLING: Duration = Duration::from_secs(20);

/// When the demo ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At Ctrl-C, or when it cannot be brought up.
    Interrupted,
    /// Once it is checked, or when it cannot be brought up.
    Checked,
    /// At Ctrl-C alone, so that a failure can be looked at.
    InterruptedAlone,
}

/// Starts the demo, checks it, and lets people use it until its end. Nothing of it is left afterwards.
pub async fn run(end: End) -> Result<()> {
    Program::require(&[Program::Cli])?;
    let options = DemoOptions { fleet: DemoFleet::Built, ..DemoOptions::default() };
    let demo = tokio::select! {
        demo = Box::pin(Demo::start(options)) => demo?,
        () = interrupted() => bail!("interrupted"),
    };
    let outcome = tokio::select! {
        outcome = Box::pin(bring_up(&demo, end)) => outcome,
        ended = demo.cluster().ended() => Err(slipway_cluster::Error::from(ended).into()),
        () = interrupted() => Ok(()),
    };
    if outcome.is_err() {
        eprintln!("{}", report::failure(&demo).await);
        if end == End::InterruptedAlone {
            eprintln!("\nIt is kept until Ctrl-C. In another terminal:\n  {}", terminal::line(&demo)?);
            interrupted().await;
        }
    }
    eprintln!("\nEverything is being cleared away…");
    demo.stop().await.context("the demo ran, but could not be cleared away")?;
    eprintln!("Nothing of it is left.");
    outcome
}

async fn bring_up(demo: &Demo, end: End) -> Result<()> {
    let begun = Instant::now();
    let ready = tokio::time::timeout(PATIENCE, watch::until_ready(demo, NAMESPACE)).await;
    let environment =
        ready.with_context(|| format!("the environment is not ready after {} s", PATIENCE.as_secs()))??;
    println!("the fleet: built and ready after {:.1} s", begun.elapsed().as_secs_f64());
    builds::tell(demo, &environment).await?;
    live::edit(demo, &environment).await?;
    integration::run(demo, "www").await?;
    check(demo, &environment).await?;
    if end != End::Checked {
        println!("{}", farewell::text(demo, &environment).await?);
        std::future::pending::<()>().await;
    }
    Ok(())
}

async fn check(demo: &Demo, environment: &DevEnvironment) -> Result<()> {
    let www = demo.publish(environment, "www").await?;
    let journey =
        journey::travel_within(www, SETTLING).await.context("no journey through the whole fleet")?;
    println!(
        "checked: {} to {} takes {} minutes, says the store about journey {}",
        journey.from, journey.to, journey.minutes, journey.id
    );
    Ok(())
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
