//! A cluster with the demo's fleet of built services and no environment, and one build after the other in it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use slipway_cluster::{Progress, REGISTRY};
use slipway_crds::v1alpha1::{BuildOutcome, Fleet, ServiceBuild, ServiceRepo};
use slipway_demo::{
    Change, Demo, DemoFleet, DemoOptions, FLEET, NAMESPACE, OPS, Repository, Sources, TRUNK, wait_for,
};

/// The service: Lua, a daemon of metrics beside it, and no unit tests here, for those run in a pod of their own.
pub const SERVICE: &str = "ats";
/// Its manifest, without unit tests.
const MANIFEST: &str = "name: ats\nrun: {ports: [80], health: {http: /services/ping}, mount: /srv/service, reload: sv restart app}\n";
/// How long a build, or a start, may take.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// The demo without its environment.
pub struct Yard {
    pub demo: Demo,
    built: AtomicU32,
}

impl Yard {
    /// Starts everything; returns when the service and the ops repository have been read.
    pub async fn open() -> Result<Self> {
        let options = DemoOptions {
            operator: false,
            fleet: DemoFleet::Built,
            progress: Progress::Quiet,
            ..DemoOptions::default()
        };
        let demo = Box::pin(Demo::start(options)).await?;
        let repositories = demo.repositories();
        let fleet = Sources::of_this_checkout()?.fleet(DemoFleet::Built).join("fleet.yaml");
        let fleet = std::fs::read_to_string(fleet)?;
        let often = Change::write("fleet.yaml", fleet.replace("interval: 5s", "interval: 1s"));
        let alone = [often, Change::remove("environments/demo.yaml")];
        repositories.repository(FLEET).commit(TRUNK, "No environment", &alone)?;
        repositories.repository(SERVICE).commit(
            TRUNK,
            "No unit tests",
            &[Change::write("manifest.yaml", MANIFEST)],
        )?;
        Box::pin(demo.push_operator().await?.apply(demo.client())).await?;
        demo.sync_fleet().await?;
        let yard = Self { demo, built: AtomicU32::default() };
        yard.is_read().await?;
        Ok(yard)
    }

    async fn is_read(&self) -> Result<()> {
        let knows = |fleet: &Fleet| fleet.status.as_ref().is_some_and(|status| status.ops_commit.is_some());
        wait_for(self.api(), "fat", PATIENCE, knows).await?;
        let read = |repository: &ServiceRepo| repository.status.is_some();
        wait_for(self.api(), SERVICE, PATIENCE, read).await.map(drop)
    }

    /// Objects of the fleet's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.demo.client().clone(), NAMESPACE)
    }

    /// A repository on the git server's disk.
    pub fn repository(&self, name: &str) -> Repository {
        self.demo.repositories().repository(name)
    }

    /// The newest commit of the trunk of a repository.
    pub fn head(&self, name: &str) -> Result<String> {
        self.repository(name).head(TRUNK)?.with_context(|| format!("{name} has no trunk"))
    }

    /// A commit of the ops repository that changes one file of every service's container.
    pub fn change_ops(&self, prefix: &str) -> Result<String> {
        let prefix = prefix.replace('-', "_");
        let text = format!("metrics: {{port: 9125, statsd: 8125, prefix: {prefix}}}\n");
        self.repository(OPS).commit(TRUNK, "Another name", &[Change::write("pillar/fleet.sls", text)])
    }

    /// A commit of the service that changes one file.
    pub fn change_code(&self, place: &str) -> Result<String> {
        let text = format!("return {{ [\"{place}\"] = {{ x = 1, y = 2 }} }}\n");
        self.repository(SERVICE).commit(TRUNK, "Another place", &[Change::write("places.lua", text)])
    }

    /// From the request of a build of the newest commit of the service to its end.
    pub async fn build(&self, ops_commit: &str) -> Result<Duration> {
        let name = format!("bench-{}", self.built.fetch_add(1, Ordering::Relaxed));
        let commit = self.head(SERVICE)?;
        let object = serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"service": SERVICE, "commit": commit, "opsCommit": ops_commit},
        }))?;
        let builds: Api<ServiceBuild> = self.api();
        let begun = Instant::now();
        builds.create(&PostParams::default(), &object).await?;
        let over =
            |build: &ServiceBuild| build.status.as_ref().is_some_and(|status| status.outcome.is_some());
        let ended = wait_for(builds, &name, PATIENCE, over).await?;
        let took = begun.elapsed();
        let status = ended.status.context("a build without a status")?;
        ensure!(
            status.outcome == Some(BuildOutcome::Succeeded),
            "{name} did not succeed: {}",
            status.message
        );
        Ok(took)
    }

    /// Waits until no build runs.
    pub async fn is_quiet(&self) -> Result<()> {
        let builds: Api<ServiceBuild> = self.api();
        for build in builds.list(&ListParams::default()).await? {
            let name = build.metadata.name.unwrap_or_default();
            let over =
                |build: &ServiceBuild| build.status.as_ref().is_some_and(|status| status.outcome.is_some());
            wait_for(builds.clone(), &name, PATIENCE, over).await?;
        }
        Ok(())
    }

    /// The registry, as this machine reaches it.
    pub fn registry_here(&self) -> Result<String> {
        Ok(self.demo.cluster().registry_address().context("this cluster has no registry")?.to_string())
    }

    /// Ends everything.
    pub async fn close(self) -> Result<()> {
        self.demo.stop().await
    }
}

/// An image of the registry, as pods name it.
pub fn image(name: &str) -> String {
    format!("{REGISTRY}/{name}")
}
