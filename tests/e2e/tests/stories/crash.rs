//! kill -9 of the operator.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::runtime::watcher;
use serde_json::json;
use slipway_crds::v1alpha1::{DevEnvironment, IntegrationStep, Outcome};
use slipway_demo::Change;
use slipway_e2e::audit::Audit;
use slipway_e2e::environment::{finished, namespace, run};
use slipway_e2e::holdback::{Holdback, Refusal};
use slipway_e2e::objects::{differences, picture};
use slipway_e2e::waiting::{until_all, until_answered};
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "crash: the operator is killed as the tests end, the run passes with one Job",
            run: |world| as_tests_end(world).boxed_local(),
        },
        Story {
            name: "crash: killed after the namespace, half of the Services, the StatefulSet: the same end",
            run: |world| while_making(world).boxed_local(),
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
    let namespace = namespace(&yard.until("cut", "its tests run", runs).await?)?;
    let pods: Api<Pod> = yard.within(&namespace);
    let tests = tests_pod(&pods).await?;
    printed(&pods, &tests, "waiting").await?;

    let turn = world.operator.turn().await;
    let frozen = world.operator.freeze(world.demo.cluster()).await?;
    pods::exec(&pods, "local-0", "redis", &["redis-cli", "set", "end", "now"]).await?;
    printed(&pods, &tests, "told to end").await?;
    world.operator.kill(world.demo.cluster(), frozen).await?;
    drop(turn);

    let over = yard.until("cut", "its run is over", |found| finished(found).is_some()).await?;
    let run = finished(&over).context("no run")?;
    ensure!(run.outcome == Some(Outcome::Passed), "it ended as {run:?}");
    let writes = Audit::of(world.demo.cluster()).since(0)?;
    let made = |resource: &str| {
        let made = writes.iter().filter(|write| write.verb == "create" && write.code == 201);
        made.filter(|write| write.resource == resource && write.namespace == namespace).count()
    };
    ensure!(made("jobs") == 1, "{} Jobs were made", made("jobs"));
    Ok(())
}

async fn tests_pod(pods: &Api<Pod>) -> Result<String> {
    let config = watcher::Config::default().labels(slipway_crds::names::RUN_GENERATION);
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

/// An environment and what is there of it when the operator is killed.
struct Cut {
    name: &'static str,
    services: &'static [&'static str],
    stateful_set: bool,
}

const SERVICES: [&str; 4] = ["ats", "dispatch", "eta", "local"];
const CUTS: [Cut; 3] = [
    Cut { name: "after-namespace", services: &[], stateful_set: false },
    Cut { name: "after-half", services: &["dispatch", "local"], stateful_set: false },
    Cut { name: "after-stateful", services: &SERVICES, stateful_set: true },
];

impl Cut {
    fn refusal(&self, yard: &Yard<'_>) -> Refusal {
        let services = SERVICES.iter().filter(|name| !self.services.contains(name));
        Refusal {
            namespace: slipway_plan::environment::namespace::name(yard.namespace(), self.name),
            services: services.map(|name| (*name).to_owned()).collect(),
            stateful_sets: !self.stateful_set,
        }
    }

    /// Waits until exactly what is let through is there.
    async fn reached(&self, yard: &Yard<'_>) -> Result<()> {
        let refused =
            |found: &DevEnvironment| slipway_e2e::environment::is_down_because(found, "ApplyFailed");
        let environment = yard.until(self.name, "stopped by the API server", refused).await?;
        let namespace = namespace(&environment)?;
        let all = watcher::Config::default;
        let services: Api<Service> = yard.within(&namespace);
        let names =
            until_all(&services, all(), "its Services", |found| found.len() == self.services.len()).await?;
        let mut names: Vec<_> = names.iter().filter_map(|found| found.metadata.name.as_deref()).collect();
        names.sort_unstable();
        ensure!(names == self.services, "{}: the Services are {names:?}", self.name);
        let sets: Api<StatefulSet> = yard.within(&namespace);
        let wanted = usize::from(self.stateful_set);
        until_all(&sets, all(), "its StatefulSet", |found| found.len() == wanted).await?;
        Ok(())
    }
}

async fn while_making(world: &World) -> Result<()> {
    let spec = json!({"services": ["dispatch", "ats"]});
    let whole = yard::environment("whole", &spec);
    let yard = Yard::open(world, "crash", &Layout::of(&["dispatch", "eta", "ats"]), &[whole]).await?;
    yard.ready("whole").await?;

    let turn = world.operator.turn().await;
    let refusals: Vec<Refusal> = CUTS.iter().map(|cut| cut.refusal(&yard)).collect();
    let holdback = Holdback::begin(yard.client(), &refusals).await?;
    let files: Vec<Change> = CUTS.iter().map(|cut| yard::environment(cut.name, &spec)).collect();
    yard.push(&files).await?;
    try_join_all(CUTS.iter().map(|cut| cut.reached(&yard))).await?;
    let frozen = world.operator.freeze(world.demo.cluster()).await?;
    holdback.end().await?;
    world.operator.kill(world.demo.cluster(), frozen).await?;
    drop(turn);

    let expected = picture(yard.client(), &yard.ready("whole").await?).await?;
    for cut in &CUTS {
        let found = picture(yard.client(), &yard.ready(cut.name).await?).await?;
        let differences = differences(&expected, &found);
        ensure!(differences.is_empty(), "{} differs from an undisturbed one: {differences:#?}", cut.name);
    }
    Ok(())
}
