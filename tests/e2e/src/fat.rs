//! A yard of services that are built: an ops repository of its own, and branches without images to push to.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::Value;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceBuild, ServiceBuildSpec, ServiceBuildStatus};
use slipway_demo::{BUILT, Change, FatBase, OPS, Pushed, Repository, Sources, TRUNK};

use crate::environment::namespace;
use crate::pods;
use crate::waiting::{until, until_all};
use crate::world::World;
use crate::yard::{Layout, Yard, head};

/// The Fleet of the demo whose services are built.
const FLEET_FILE: &str = include_str!("../../../manifests/demo/fat/fleet.yaml");
/// The state of the daemon beside every service.
const METRICS_STATE: &str = include_str!("../../../manifests/demo/ops/states/metrics/init.sls");
/// The service of these stories: the smallest.
pub const SERVICE: &str = "ats";

/// A yard whose services are built.
pub struct FatYard<'a> {
    /// The yard.
    pub yard: Yard<'a>,
    world: &'a World,
    branch: String,
    ops: Repository,
    fleet: String,
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
        let start = head(world, SERVICE, BUILT)?;
        let code = world.demo.repositories().repository(SERVICE);
        code.commit_on(Some(&start), &branch, "A branch of a story", &[places("harbour")])?;
        let ops = world.create_repository(&ops_of(&branch))?;
        ops.commit(TRUNK, "States and pillars", &Change::tree(&Sources::of_this_checkout()?.ops())?)?;
        let fleet = fleet(&ops_of(&branch)).replace("builds: {concurrency: 2}", &format!("builds: {builds}"));
        ensure!(fleet.contains(builds), "the demo's Fleet has other `builds` than this expects");
        let layout = Layout::of(&[SERVICE]).trunk(SERVICE, &branch).fleet_file(&fleet);
        let yard = Yard::open(world, name, &layout, environments).await?;
        Ok(Self { yard, world, branch, ops, fleet })
    }

    /// Pushes a commit of the service, as a person does.
    pub async fn push(&self, changes: &[Change]) -> Result<Pushed> {
        self.world.demo.commit(SERVICE, &self.branch, changes).await
    }

    /// Commits to the trunk of the ops repository. Returns the commit.
    pub fn commit_ops(&self, changes: &[Change]) -> Result<String> {
        self.ops.commit(TRUNK, "An ops change of a story", changes)
    }

    /// Commits to a branch of the ops repository, on top of its trunk. Returns the commit.
    pub fn branch_ops(&self, branch: &str, changes: &[Change]) -> Result<String> {
        self.ops.commit_on(Some(&self.ops_head()?), branch, "An ops change of a story", changes)
    }

    /// The name of its ops repository.
    pub fn ops_name(&self) -> String {
        ops_of(&self.branch)
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
        let all = self.all_builds().list(&ListParams::default()).await?;
        Ok(all.into_iter().map(|build| (build.uid().unwrap_or_default(), build.spec)).collect())
    }

    /// Commits to a branch of the service, on top of its trunk. Returns the commit.
    pub fn branch(&self, branch: &str, changes: &[Change]) -> Result<String> {
        let code = self.world.demo.repositories().repository(SERVICE);
        let trunk = code.head(&self.branch)?;
        code.commit_on(trunk.as_deref(), &format!("{}-{branch}", self.branch), "A branch of a story", changes)
    }

    /// Pushes a Fleet with another base, and waits until the operator has seen it.
    pub async fn push_base(&self, base: &str) -> Result<()> {
        let fleet = self.fleet.replace("{registry}/base:1", base);
        self.yard.push(&[Change::write("fleet.yaml", fleet)]).await?;
        let fleets: Api<Fleet> = self.yard.within(self.yard.namespace());
        let seen = |fleet: &Fleet| {
            let observed = fleet.status.as_ref().and_then(|status| status.observed_generation);
            fleet.spec.base.as_deref() == Some(base) && observed == fleet.metadata.generation
        };
        let all_seen = |found: &[Arc<Fleet>]| found.iter().all(|fleet| seen(fleet));
        until_all(&fleets, watcher::Config::default(), "the Fleet has the other base", all_seen).await?;
        Ok(())
    }

    /// The trunk that the service has here.
    pub fn trunk(&self) -> &str {
        &self.branch
    }

    /// Asks for a build.
    pub async fn build(&self, name: &str, commit: &str, ops: Option<&str>) -> Result<()> {
        let spec = ServiceBuildSpec {
            service: SERVICE.to_owned(),
            commit: commit.to_owned(),
            ops_commit: ops.map(str::to_owned),
        };
        self.all_builds().create(&PostParams::default(), &ServiceBuild::new(name, spec)).await?;
        Ok(())
    }

    /// A build, once it is as wished.
    pub async fn build_when(
        &self,
        name: &str,
        what: &str,
        wish: impl Fn(&ServiceBuildStatus) -> bool,
    ) -> Result<ServiceBuildStatus> {
        let holds = |build: &ServiceBuild| build.status.as_ref().is_some_and(&wish);
        let found = until(&self.all_builds(), name, &format!("{name}: {what}"), holds).await?;
        found.status.context("it has no status")
    }

    /// A build, once it is over.
    pub async fn build_ended(&self, name: &str) -> Result<ServiceBuildStatus> {
        self.build_when(name, "over", |status| status.outcome.is_some()).await
    }

    /// The tags that the registry has of the service.
    pub async fn tags(&self) -> Result<Vec<String>> {
        let address = self.world.demo.cluster().registry_address().context("there is no registry")?;
        let url = format!("http://{address}/v2/{SERVICE}/tags/list?n=10000");
        let asked = tokio::task::spawn_blocking(move || ureq::get(&url).call()?.body_mut().read_to_string());
        let list: Value = serde_json::from_str(&asked.await??)?;
        Ok(serde_json::from_value(list["tags"].clone())?)
    }

    fn all_builds(&self) -> Api<ServiceBuild> {
        self.yard.within(self.yard.namespace())
    }

    /// The status of the build of this commit, once it is over.
    pub async fn built(&self, commit: &str) -> Result<ServiceBuildStatus> {
        let is_over = |build: &ServiceBuild| {
            build.spec.commit == commit
                && build.status.as_ref().is_some_and(|status| status.outcome.is_some())
        };
        let what = format!("the build of {commit} is over");
        let some = |found: &[Arc<ServiceBuild>]| found.iter().any(|build| is_over(build));
        let found = until_all(&self.all_builds(), watcher::Config::default(), &what, some).await?;
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

fn ops_of(branch: &str) -> String {
    format!("{branch}-ops")
}

/// The Fleet of the demo whose services are built, with this ops repository.
pub fn fleet(ops: &str) -> String {
    FLEET_FILE.replace(&format!("/{OPS}.git"), &format!("/{ops}.git"))
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

/// The state of the daemon beside every service, which asks for a file that nobody has; and as it was.
pub fn metrics_state(is_broken: bool) -> Change {
    let broken = "no-such-file:\n  file.managed:\n    - name: /etc/x\n    - source: salt://not/there\n";
    Change::write("states/metrics/init.sls", if is_broken { broken } else { METRICS_STATE })
}

/// Pushes the base image of that Fleet.
pub async fn push_base(world: &World) -> Result<()> {
    let base = tokio::task::spawn_blocking(|| FatBase::prepare(&Sources::of_this_checkout()?)).await??;
    world.demo.push_fat_base(&base).await
}
