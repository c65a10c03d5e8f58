//! A yard of services that are built: an ops repository of its own, and branches without images to push to.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceBuild, ServiceBuildSpec, ServiceBuildStatus};
use slipway_demo::{Change, DemoFleet, FatBase, OPS, Pushed, Repository, Sources, TRUNK};

use crate::environment::namespace;
use crate::pods;
use crate::waiting::until_all;
use crate::world::World;
use crate::yard::{Layout, Yard, head};

/// The Fleet of the demo whose services are built.
const FLEET_FILE: &str = include_str!("../../../manifests/demo/fat/fleet.yaml");
/// The service of these stories: the smallest.
pub const SERVICE: &str = "ats";

/// A yard whose services are built.
pub struct FatYard<'a> {
    /// The yard.
    pub yard: Yard<'a>,
    world: &'a World,
    branch: String,
    ops: Repository,
}

impl<'a> FatYard<'a> {
    /// Makes it, with a trunk of its own of the service, and an ops repository of its own.
    pub async fn open(world: &'a World, name: &str, environments: &[Change]) -> Result<Self> {
        Self::open_with(world, name, environments, "{concurrency: 2}").await
    }

    /// The same, with these `builds` of the Fleet.
    pub async fn open_with(
        world: &'a World,
        name: &str,
        environments: &[Change],
        builds: &str,
    ) -> Result<Self> {
        push_base(world).await?;
        let branch = format!("story-{name}");
        let start = head(world, SERVICE, DemoFleet::Built.trunk(SERVICE))?;
        let code = world.demo.repositories().repository(SERVICE);
        code.commit_on(Some(&start), &branch, "A branch of a story", &[places("harbour")])?;
        let ops = world.create_repository(&format!("{branch}-ops"))?;
        ops.commit(TRUNK, "States and pillars", &Change::tree(&Sources::of_this_checkout()?.ops())?)?;
        let fleet = FLEET_FILE.replace(&format!("/{OPS}.git"), &format!("/{branch}-ops.git"));
        let fleet = fleet.replace("builds: {concurrency: 2}", &format!("builds: {builds}"));
        ensure!(fleet.contains(builds), "the demo's Fleet has other `builds` than this expects");
        let layout = Layout::of(&[SERVICE]).trunk(SERVICE, &branch).fleet_file(&fleet);
        let yard = Yard::open(world, name, &layout, environments).await?;
        Ok(Self { yard, world, branch, ops })
    }

    /// Pushes a commit of the service, as a person does.
    pub async fn push(&self, changes: &[Change]) -> Result<Pushed> {
        self.world.demo.commit(SERVICE, &self.branch, changes).await
    }

    /// Commits to the trunk of the ops repository. Returns the commit.
    pub fn commit_ops(&self, changes: &[Change]) -> Result<String> {
        self.ops.commit(TRUNK, "An ops change of a story", changes)
    }

    /// The commit of the ops repository.
    pub fn ops_head(&self) -> Result<String> {
        self.ops.head(TRUNK)?.context("the ops repository has no trunk")
    }

    /// Its Fleet; the name is `fat`.
    pub fn fleets(&self) -> Api<Fleet> {
        self.yard.within(self.yard.namespace())
    }

    /// The builds there are, by UID.
    pub async fn builds(&self) -> Result<BTreeMap<String, ServiceBuildSpec>> {
        let all: Api<ServiceBuild> = self.yard.within(self.yard.namespace());
        let all = all.list(&ListParams::default()).await?;
        Ok(all.into_iter().map(|build| (build.uid().unwrap_or_default(), build.spec)).collect())
    }

    /// The status of the build of this commit, once it is over.
    pub async fn built(&self, commit: &str) -> Result<ServiceBuildStatus> {
        let all: Api<ServiceBuild> = self.yard.within(self.yard.namespace());
        let is_over = |build: &ServiceBuild| {
            build.spec.commit == commit
                && build.status.as_ref().is_some_and(|status| status.outcome.is_some())
        };
        let what = format!("the build of {commit} is over");
        let some = |found: &[Arc<ServiceBuild>]| found.iter().any(|build| is_over(build));
        let found = until_all(&all, watcher::Config::default(), &what, some).await?;
        let build = found.iter().find(|build| is_over(build)).context("the build went away")?;
        build.status.clone().context("the build has no status")
    }

    /// What a command in the service's container of an environment prints.
    pub async fn exec(&self, environment: &DevEnvironment, command: &[&str]) -> Result<String> {
        let all: Api<Pod> = self.yard.within(&namespace(environment)?);
        let pod = pods::of_service(&all, SERVICE).await?;
        pods::exec(&all, &pod, SERVICE, command).await
    }

    /// What the daemon beside the service tells.
    pub async fn metrics(&self, environment: &DevEnvironment) -> Result<String> {
        let url = "http://127.0.0.1:9125/metrics";
        self.exec(environment, &["curl", "--silent", "--show-error", "--fail", url]).await
    }

    /// An error unless the service and the daemon beside it are up under runit, by this name of the fleet.
    pub async fn is_served_as(&self, environment: &DevEnvironment, prefix: &str) -> Result<()> {
        let metrics = self.metrics(environment).await?;
        for process in ["app", "metrics"] {
            let line = format!("{prefix}_process_up{{process=\"{process}\"}} 1");
            ensure!(metrics.contains(&line), "{process} is not up as {prefix}: {metrics}");
        }
        Ok(())
    }
}

/// A place that the service knows.
pub fn places(name: &str) -> Change {
    Change::write("places.lua", format!("return {{ {name} = {{ x = 1, y = 2 }} }}\n"))
}

/// What the ops repository calls all metrics.
pub fn prefix(name: &str) -> Change {
    Change::write("pillar/fleet.sls", format!("metrics: {{port: 9125, statsd: 8125, prefix: {name}}}\n"))
}

/// Makes the base image where this machine has never made it, so that no story waits for a download.
pub async fn prepare() -> Result<()> {
    tokio::task::spawn_blocking(|| FatBase::prepare(&Sources::of_this_checkout()?).map(drop)).await?
}

async fn push_base(world: &World) -> Result<()> {
    let base = tokio::task::spawn_blocking(|| FatBase::prepare(&Sources::of_this_checkout()?)).await??;
    world.demo.push_fat_base(&base).await
}
