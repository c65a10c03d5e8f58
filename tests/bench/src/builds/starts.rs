//! A commit of the ops repository, until it runs: as a difference at the start, and by hand with buildah and kubectl.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use slipway_crds::v1alpha1::{DevEnvironment, LockedService};
use slipway_demo::{NAMESPACE, is_ready, wait_for};

use super::buildah::Buildah;
use super::figures::pairs;
use super::yard::{PATIENCE, SERVICE, Yard, image};
use crate::figure::{Figure, Section};
use crate::kubectl::kubectl;

/// The environment of the measurements.
pub const ENVIRONMENT: &str = "bench";
/// The Deployment that a person wrote.
const BY_HAND: &str = "by-hand";

/// The service in an environment, and beside it the same by hand.
pub struct Starts<'a> {
    yard: &'a Yard,
    buildah: &'a Buildah,
}

impl<'a> Starts<'a> {
    /// Returns when both are up.
    pub async fn open(yard: &'a Yard, buildah: &'a Buildah) -> Result<Self> {
        let starts = Self { yard, buildah };
        let environment = json!({"metadata": {"name": ENVIRONMENT}, "spec": {"services": [SERVICE]}});
        let environment = serde_json::from_value(environment)?;
        yard.demo.environments().create(&PostParams::default(), &environment).await?;
        yard.demo.environment_ready(ENVIRONMENT, PATIENCE).await?;
        yard.is_quiet().await?;
        buildah.build(yard, "start", true)?;
        let deployments: Api<Deployment> = yard.api();
        deployments.create(&PostParams::default(), &by_hand(&image("by-hand:start"))?).await?;
        starts.rolled_out().await?;
        Ok(starts)
    }

    /// Each round changes the ops repository twice: once for us, once for the others.
    pub async fn measure(&self, rounds: usize) -> Result<Section> {
        let (mut ours, mut theirs, mut differences) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=rounds {
            let (took, difference) = self.difference(&format!("ours-{round}")).await?;
            ours.push(took.as_secs_f64());
            differences.push(difference);
            // What is built behind it is over before the others begin.
            self.yard.is_quiet().await?;
            theirs.push(self.by_hand(&format!("theirs-{round}")).await?.as_secs_f64());
            self.yard.is_quiet().await?;
            eprintln!("  round {round}: difference {ours:.1?} s, by hand {theirs:.1?} s");
        }
        let mut figures = pairs(
            "commit to Ready, as a difference at the start",
            ours,
            "buildah with layer cache, push, kubectl set image and rollout",
            theirs,
        );
        let inside = Figure::new("  of which the container fetched and provisioned", "s", differences);
        figures.insert(1, inside.remark("whole seconds"));
        Ok(Section { title: "A commit of the ops repository, until it runs".to_owned(), figures })
    }

    /// From the commit until every pod has it and is ready; and how long the container took for the difference.
    async fn difference(&self, name: &str) -> Result<(Duration, f64)> {
        let begun = Instant::now();
        let commit = self.yard.change_ops(name)?;
        let has_it = |found: &DevEnvironment| {
            is_ready(found)
                && locked(found).is_some_and(|one| one.ops_commit.as_ref() == Some(&commit) && one.ready)
        };
        let ready = wait_for(self.yard.demo.environments(), ENVIRONMENT, PATIENCE, has_it).await?;
        let took = begun.elapsed();
        let start = locked(&ready).and_then(|one| one.start.as_ref());
        let seconds = start.and_then(|start| start.delta_seconds).unwrap_or_default();
        Ok((took, f64::from(i32::try_from(seconds)?)))
    }

    async fn by_hand(&self, tag: &str) -> Result<Duration> {
        self.yard.change_ops(tag)?;
        // The environment takes the commit, too; the others are measured when that is over.
        let commit = self.yard.head(slipway_demo::OPS)?;
        let has_it = |found: &DevEnvironment| {
            is_ready(found) && locked(found).is_some_and(|one| one.ops_commit.as_ref() == Some(&commit))
        };
        wait_for(self.yard.demo.environments(), ENVIRONMENT, PATIENCE, has_it).await?;
        self.yard.is_quiet().await?;
        let built = self.buildah.build(self.yard, tag, true)?;
        let begun = Instant::now();
        let wanted = format!("{BY_HAND}={}", image(&format!("by-hand:{tag}")));
        let deployment = format!("deployment/{BY_HAND}");
        kubectl(self.yard.demo.cluster(), &["-n", NAMESPACE, "set", "image", &deployment, &wanted]).await?;
        self.rolled_out().await?;
        Ok(built + begun.elapsed())
    }

    async fn rolled_out(&self) -> Result<()> {
        let deployment = format!("deployment/{BY_HAND}");
        let words = ["-n", NAMESPACE, "rollout", "status", &deployment, "--timeout=180s"];
        kubectl(self.yard.demo.cluster(), &words).await.map(drop)
    }
}

fn locked(environment: &DevEnvironment) -> Option<&LockedService> {
    environment.status.as_ref()?.lock.iter().find(|locked| locked.service == SERVICE)
}

/// As somebody writes it who wants the same health and no more.
fn by_hand(image: &str) -> Result<Deployment> {
    let labels = json!({"app": BY_HAND});
    let probe = json!({"httpGet": {"path": "/services/ping", "port": 80}, "periodSeconds": 1});
    let container = json!({"name": BY_HAND, "image": image, "readinessProbe": probe});
    serde_json::from_value(json!({
        "metadata": {"name": BY_HAND},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}},
        },
    }))
    .context("the Deployment by hand is none")
}
