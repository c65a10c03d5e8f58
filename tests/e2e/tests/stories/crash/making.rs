//! kill -9 of the operator while it makes an environment, at exact points.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::runtime::watcher;
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::Change;
use slipway_e2e::environment::is_down_because;
use slipway_e2e::holdback::{Holdback, Refusal};
use slipway_e2e::objects::{differences, picture};
use slipway_e2e::waiting::until_all;
use slipway_e2e::{Layout, World, Yard, yard};
use slipway_plan::environment::namespace;

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
            namespace: namespace::name(yard.namespace(), self.name),
            kinds: if self.stateful_set { vec!["deployments"] } else { vec!["deployments", "statefulsets"] },
            services: services.copied().collect(),
        }
    }

    /// Waits until exactly what is let through is there.
    async fn reached(&self, yard: &Yard<'_>) -> Result<()> {
        let refused = |found: &DevEnvironment| is_down_because(found, "ApplyFailed");
        yard.until(self.name, "stopped by the API server", refused).await?;
        let namespace = namespace::name(yard.namespace(), self.name);
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

pub async fn while_making(world: &World) -> Result<()> {
    let spec = json!({"services": ["dispatch", "ats"]});
    let whole = yard::environment("whole", &spec);
    let yard = Yard::open(world, "crash", &Layout::of(&["dispatch", "eta", "ats"]), &[whole]).await?;
    yard.ready("whole").await?;

    let refusals: Vec<Refusal> = CUTS.iter().map(|cut| cut.refusal(&yard)).collect();
    let holdback = Holdback::begin(yard.client(), "making", &refusals).await?;
    let files: Vec<Change> = CUTS.iter().map(|cut| yard::environment(cut.name, &spec)).collect();
    yard.push(&files).await?;
    try_join_all(CUTS.iter().map(|cut| cut.reached(&yard))).await?;
    let turn = world.operator.turn().await;
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
