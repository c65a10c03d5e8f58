//! Integration runs as the operator does them: three different ends.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::json;
use slipway_crds::v1alpha1::{DevEnvironment, IntegrationStatus, Outcome};
use slipway_demo::{Change, TRUNK};
use slipway_e2e::environment::{finished, has_ended, namespaces};
use slipway_e2e::{Layout, Story, World, Yard, yard};

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "integration: a run on trunk passes, its result outlives its namespace",
            run: |world| passes(world).boxed_local(),
        },
        Story {
            name: "integration: a run on the bad branch fails with the test's name in status",
            run: |world| fails(world).boxed_local(),
        },
        Story {
            name: "integration: a dependency that never gets ready ends as error with its last log lines",
            run: |world| never_ready(world).boxed_local(),
        },
    ]
}

/// The run of an environment that is over and whose namespace is gone.
async fn ended(yard: &Yard<'_>, name: &str) -> Result<(DevEnvironment, IntegrationStatus)> {
    let over = |found: &DevEnvironment| finished(found).is_some() && has_ended(found, "Finished");
    let environment = yard.until(name, "its run is over and its namespace gone", over).await?;
    let left = namespaces(yard.client(), yard.namespace(), name).await?;
    ensure!(left.is_empty(), "{left:?} outlive the run");
    let run = finished(&environment).context("no run")?.clone();
    Ok((environment, run))
}

async fn passes(world: &World) -> Result<()> {
    let commit = yard::head(world, "www", TRUNK)?;
    let file = yard::environment("trunk", &json!({"integration": {"service": "www", "commit": commit}}));
    let yard =
        Yard::open(world, "passes", &Layout::of(&["www", "api", "ats", "dispatch", "eta"]), &[file]).await?;
    let (environment, run) = ended(&yard, "trunk").await?;
    ensure!(run.outcome == Some(Outcome::Passed), "it ended as {run:?}");
    let totals = run.totals.context("no totals")?;
    ensure!((totals.tests, totals.failures, totals.errors) == (6, 0, 0), "its totals are {totals:?}");
    ensure!(run.times.len() >= 3, "the duration of each step is missing: {:?}", run.times);
    let lock = environment.status.context("no status")?.lock;
    let services: Vec<_> = lock.iter().map(|locked| locked.service.as_str()).collect();
    ensure!(
        services.len() == 4 && !services.contains(&"dispatch"),
        "exactly the declared ones: {services:?}"
    );
    stored(&yard, &run).await
}

/// The log and both JUnit files.
async fn stored(yard: &Yard<'_>, run: &IntegrationStatus) -> Result<()> {
    let name = run.result.clone().context("status names no result")?;
    let stored = yard.within::<ConfigMap>(yard.namespace()).get(&name).await?;
    let data = stored.data.unwrap_or_default();
    let log = data.get("log").context("no log")?;
    ensure!(log.contains("passed pages: the front page greets"), "the log is {log}");
    let files = data.values().filter(|text| text.contains("<testsuite")).count();
    ensure!(files == 2, "{files} JUnit files are stored: {:?}", data.keys());
    Ok(())
}

async fn fails(world: &World) -> Result<()> {
    let file =
        yard::environment("bad", &json!({"integration": {"service": "www", "commit": "bad-greeting"}}));
    let yard = Yard::open(world, "fails", &Layout::of(&["www", "api", "ats"]), &[file]).await?;
    let (_, run) = ended(&yard, "bad").await?;
    ensure!(run.outcome == Some(Outcome::Failed), "it ended as {run:?}");
    let names: Vec<&str> = run.failures.iter().map(|failure| failure.name.as_str()).collect();
    ensure!(names.len() == 1 && names[0].contains("the front page greets"), "the failures are {names:?}");
    ensure!(run.failures[0].message.contains("no greeting in"), "it says {:?}", run.failures[0].message);
    Ok(())
}

const SULKS: &str =
    "print('no places today') io.stdout:flush() while true do require('socket').sleep(1) end\n";

async fn never_ready(world: &World) -> Result<()> {
    let branch = "story-sulks";
    world.demo.commit("ats", branch, &[Change::write("server.lua", SULKS)]).await?;
    let spec = json!({"integration": {"service": "api", "commit": TRUNK}, "branches": {"ats": branch}});
    let layout = Layout::of(&["api", "ats"]).fleet("readyTimeout: 90s");
    let yard = Yard::open(world, "never-ready", &layout, &[yard::environment("sulk", &spec)]).await?;
    let (environment, run) = ended(&yard, "sulk").await?;
    ensure!(run.outcome == Some(Outcome::Error), "it ended as {run:?}");
    ensure!(run.message.contains("ats was not ready within 1m 30s"), "it says {:?}", run.message);
    ensure!(run.message.contains("no places today"), "the last log lines are missing: {:?}", run.message);
    ensure!(run.job_uid.is_none() && run.totals.is_none(), "tests ran in {}", environment.name_any());
    Ok(())
}
