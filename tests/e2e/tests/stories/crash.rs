//! kill -9 of the operator.

mod making;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::watcher;
use serde_json::json;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, IntegrationStep, Outcome};
use slipway_demo::{Change, TRUNK};
use slipway_e2e::audit::Audit;
use slipway_e2e::environment::{has_ended, is_down_because, run};
use slipway_e2e::holdback::{Holdback, Refusal};
use slipway_e2e::waiting::{until_all, until_answered};
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};
use slipway_plan::environment::namespace;

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "crash: the operator is killed as the tests end, the run passes with one Job",
            run: |world| as_tests_end(world).boxed_local(),
        },
        Story {
            name: "crash: killed after the namespace, half of the Services, the StatefulSet: the same end",
            run: |world| making::while_making(world).boxed_local(),
        },
        Story {
            name: "crash: killed between the record of a run and its Job, the run passes with one Job",
            run: |world| before_the_job(world).boxed_local(),
        },
    ]
}

/// A branch of dispatch whose tests end when they are told to.
const BRANCH: &str = "story-told-to-end";
const COMMAND: &str = "make test_integration && echo waiting && \
    until redis-cli -h local get end | grep -q now; do sleep 0.2; done; echo told to end";

async fn held_branch(world: &World) -> Result<String> {
    let manifest = include_str!("../../../../manifests/demo/services/dispatch/manifest.yaml");
    let held = manifest.replace("cmd: make test_integration", &format!("cmd: \"{COMMAND}\""));
    ensure!(held != manifest, "the manifest of dispatch has no such command");
    Ok(world.demo.commit("dispatch", BRANCH, &[Change::write("manifest.yaml", held)]).await?.commit)
}

async fn as_tests_end(world: &World) -> Result<()> {
    let commit = held_branch(world).await?;
    let file = yard::environment("cut", &json!({"integration": {"service": "dispatch", "commit": commit}}));
    let yard = Yard::open(world, "crash-run", &Layout::of(&["dispatch", "eta"]), &[file]).await?;
    let runs = |found: &DevEnvironment| run(found).is_some_and(|run| run.step == IntegrationStep::Running);
    yard.until("cut", "its tests run", runs).await?;
    let pods: Api<Pod> = yard.within(&namespace::name(yard.namespace(), "cut"));
    let tests = tests_pod(&pods).await?;
    printed(&pods, &tests, "waiting").await?;

    let turn = world.operator.turn().await;
    let frozen = world.operator.freeze(world.demo.cluster()).await?;
    pods::exec(&pods, "local-0", "redis", &["redis-cli", "set", "end", "now"]).await?;
    printed(&pods, &tests, "told to end").await?;
    world.operator.kill(world.demo.cluster(), frozen).await?;
    drop(turn);

    passed_with_one_job(world, &yard, "cut").await
}

async fn before_the_job(world: &World) -> Result<()> {
    let commit = yard::head(world, "dispatch", TRUNK)?;
    let yard = Yard::open(world, "crash-job", &Layout::of(&["dispatch", "eta"]), &[]).await?;
    let namespace = namespace::name(yard.namespace(), "held");
    let refusal = Refusal { namespace: namespace.clone(), kinds: vec!["jobs"], services: Vec::new() };
    let holdback = Holdback::begin(yard.client(), "job", &[refusal]).await?;
    let spec = json!({"integration": {"service": "dispatch", "commit": commit}});
    yard.push(&[yard::environment("held", &spec)]).await?;
    let held = |found: &DevEnvironment| {
        let starts = run(found).is_some_and(|run| run.step == IntegrationStep::Starting);
        starts && is_down_because(found, "ApplyFailed")
    };
    yard.until("held", "its run is recorded and its Job refused", held).await?;
    ensure!(jobs_made(world, &namespace)? == 0, "the Job was made: this proves nothing");

    let turn = world.operator.turn().await;
    let frozen = world.operator.freeze(world.demo.cluster()).await?;
    holdback.end().await?;
    world.operator.kill(world.demo.cluster(), frozen).await?;
    drop(turn);
    passed_with_one_job(world, &yard, "held").await
}

async fn passed_with_one_job(world: &World, yard: &Yard<'_>, name: &str) -> Result<()> {
    let over = yard.until(name, "its run is over", |found| has_ended(found, "Finished")).await?;
    let run = run(&over).context("no run")?;
    ensure!(run.outcome == Some(Outcome::Passed), "it ended as {run:?}");
    let jobs = jobs_made(world, &namespace::name(yard.namespace(), name))?;
    ensure!(jobs == 1, "{jobs} Jobs were made");
    Ok(())
}

/// How many Jobs the API server made in a namespace.
fn jobs_made(world: &World, namespace: &str) -> Result<usize> {
    let writes = Audit::of(world.demo.cluster()).since(0)?;
    let made = writes.iter().filter(|write| write.verb == "create" && write.code == 201);
    Ok(made.filter(|write| write.resource == "jobs" && write.namespace == namespace).count())
}

async fn tests_pod(pods: &Api<Pod>) -> Result<String> {
    let config = watcher::Config::default().labels(names::RUN_GENERATION);
    let found = until_all(pods, config, "the tests have a pod", |found| !found.is_empty()).await?;
    found[0].metadata.name.clone().context("a pod without a name")
}

async fn printed(pods: &Api<Pod>, pod: &str, line: &str) -> Result<()> {
    until_answered(&format!("the tests print {line:?}"), async || {
        let log = pods::log(pods, pod, "tests").await?;
        ensure!(log.lines().any(|printed| printed == line), "they print {log}");
        Ok(())
    })
    .await
}
