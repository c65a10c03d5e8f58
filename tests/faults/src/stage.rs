//! What one run has to itself: a fleet namespace, an operator behind a proxy, a repository for its fleet.

use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, GitSync, ServiceBuild, ServiceRepo};
use slipway_demo::{Change, Repository, TRUNK};
use slipway_plan::desired::build::fleet_uid;
use slipway_plan::environment::namespace;

use crate::names::Names;
use crate::operator::{Leash, Operator, Settings};
use crate::proxy::Proxy;
use crate::world::{CANARY, GIT_USER, USER, World};

/// How long a run may take to get where it should.
pub const LIMIT: Duration = Duration::from_mins(2);
/// After how long without a write things have settled.
const QUIET: Duration = Duration::from_secs(2);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// Name of the environment, and of the `GitSync`, in every scenario.
pub const NAME: &str = "demo";

/// Since when an operator that was started so often is ready.
#[derive(Clone, Copy)]
struct Calm {
    starts: usize,
    since: Instant,
}

/// What one run has to itself.
pub struct Stage<'a> {
    /// What it shares.
    pub world: &'a World,
    /// The tests' own hand: it does not pass the proxy.
    pub client: Client,
    /// Namespace of the fleet.
    pub fleet: String,
    /// Namespace of the environment [`NAME`].
    pub environment: String,
    /// Namespace of its builds.
    pub builds: String,
    /// The fleet's repository; it asks for a password.
    pub repository: Repository,
    /// Where it is.
    pub url: String,
    /// The proxy.
    pub proxy: Proxy,
    /// The operator; it is killed when the run is over.
    pub operator: Operator,
    _leash: Leash,
}

impl<'a> Stage<'a> {
    /// Sets it up; the operator runs when this returns.
    pub async fn open(world: &'a World, scenario: &str) -> Result<Self> {
        Self::begin(world, scenario, None).await
    }

    /// The same, with an operator that wants the lease under this name.
    pub async fn elected(world: &'a World, scenario: &str, identity: &str) -> Result<Self> {
        Self::begin(world, scenario, Some(identity.to_owned())).await
    }

    async fn begin(world: &'a World, scenario: &str, identity: Option<String>) -> Result<Self> {
        let fleet = format!("{scenario}-{}", world.next_run());
        let folder: PathBuf = world.folder.join(&fleet);
        std::fs::create_dir(&folder)?;
        let operator = Operator::new(Settings {
            program: world.program.clone(),
            namespace: fleet.clone(),
            folder: folder.clone(),
            registry: world.registry.address(),
            identity: identity.clone(),
            url: None,
        })?;
        let kill = operator.clone();
        let kill = std::sync::Arc::new(move || kill.kill());
        let proxy =
            Proxy::start(&world.operator_kubeconfig, identity.as_deref().unwrap_or(USER), &folder, kill)
                .await?;
        let repository = world.git.create(&fleet)?;
        world.git.protect(&fleet, GIT_USER, CANARY)?;
        let stage = Self {
            client: world.client.clone(),
            environment: namespace::name(&fleet, NAME),
            builds: format!("build-{fleet}"),
            url: world.git.url(&fleet),
            _leash: Leash(operator.clone()),
            world,
            fleet,
            repository,
            proxy,
            operator,
        };
        stage.create_namespace().await?;
        stage.start_operator()?;
        Ok(stage)
    }

    async fn create_namespace(&self) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": self.fleet}}))?;
        Api::all(self.client.clone()).create(&PostParams::default(), &namespace).await?;
        let secret =
            json!({"metadata": {"name": "git"}, "stringData": {"username": GIT_USER, "password": CANARY}});
        let secret: Secret = serde_json::from_value(secret)?;
        self.api().create(&PostParams::default(), &secret).await?;
        Ok(())
    }

    /// Starts the operator, unless it runs.
    pub fn start_operator(&self) -> Result<()> {
        if self.operator.start(self.proxy.kubeconfig())? {
            self.proxy.sight().forget_watches();
        }
        Ok(())
    }

    /// What has another name in every run.
    pub fn names(&self) -> Names {
        Names::new([
            (self.url.clone(), "<url>"),
            (self.operator.url(), "<operator>"),
            (self.environment.clone(), "<environment>"),
            (fleet_uid(&self.fleet), "<uid of all builds>"),
            (self.fleet.clone(), "<fleet>"),
        ])
    }

    /// Objects of a kind in the fleet's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.fleet)
    }

    /// Makes an object in the fleet's namespace.
    pub async fn create<K>(&self, name: &str, spec: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + serde::Serialize,
    {
        let object = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": {"name": name}, "spec": spec});
        let object: K = serde_json::from_value(object)?;
        self.api().create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Changes an object as a person would.
    pub async fn patch<K>(&self, patch: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let params = PatchParams { field_manager: Some("emma-by-hand".to_owned()), ..PatchParams::default() };
        self.api::<K>().patch(NAME, &params, &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Deletes an object.
    pub async fn delete<K>(&self) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.api::<K>().delete(NAME, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The Fleet and the repositories of all services; returns when they have been read.
    pub async fn fleet(&self) -> Result<()> {
        self.create::<Fleet>("fleet", fleet_spec(&self.world.registry.address())).await?;
        for service in ["www", "api", "eta"] {
            let spec = json!({"url": self.world.git.url(service), "interval": "1h"});
            self.create::<ServiceRepo>(service, spec).await?;
        }
        self.until("the services' repositories are read", || async {
            let repos = self.api::<ServiceRepo>().list(&ListParams::default()).await?;
            let read = |repo: &&ServiceRepo| repo.status.as_ref().is_some_and(|s| s.trunk_commit.is_some());
            Ok(repos.iter().filter(read).count() == 3)
        })
        .await
    }

    /// The commit of a service's trunk.
    pub fn trunk(&self, service: &str) -> Result<String> {
        let folder = self.world.folder.join("git").join(format!("{service}.git"));
        Repository::open(&folder).head(TRUNK)?.with_context(|| format!("{service} has no commit"))
    }

    /// Commits files to the fleet's repository.
    pub fn commit(&self, changes: &[Change]) -> Result<String> {
        self.repository.commit(TRUNK, "change", changes)
    }

    /// The environment, if it is there.
    pub async fn environment(&self) -> Result<Option<DevEnvironment>> {
        Ok(self.api::<DevEnvironment>().get_opt(NAME).await?)
    }

    /// Whether the environment is ready as it is wanted now.
    pub async fn is_environment_ready(&self) -> Result<bool> {
        let Some(environment) = self.environment().await? else { return Ok(false) };
        let Some(status) = environment.status else { return Ok(false) };
        Ok(status.observed_generation == environment.metadata.generation
            && conditions::is_true(&status.conditions, conditions::READY))
    }

    /// Whether the environment's namespace is gone.
    pub async fn is_namespace_gone(&self) -> Result<bool> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        Ok(namespaces.get_opt(&self.environment).await?.is_none())
    }

    /// Whether the `GitSync` has applied a commit in full.
    pub async fn has_applied(&self, commit: &str) -> Result<bool> {
        let Some(sync) = self.api::<GitSync>().get_opt(NAME).await? else { return Ok(false) };
        let Some(status) = sync.status else { return Ok(false) };
        Ok(status.observed_generation == sync.metadata.generation
            && status.last_applied_revision.as_deref() == Some(commit)
            && conditions::is_true(&status.conditions, conditions::READY))
    }

    /// Waits until something holds; an operator that was killed is started again.
    pub async fn until<F>(&self, what: &str, holds: impl Fn() -> F) -> Result<()>
    where
        F: Future<Output = Result<bool>>,
    {
        self.wait(what, || async {
            if !self.operator.runs()? {
                self.start_operator()?;
            }
            holds().await
        })
        .await
    }

    /// Waits until something holds, and lets the operator be.
    pub async fn wait<F>(&self, what: &str, holds: impl Fn() -> F) -> Result<()>
    where
        F: Future<Output = Result<bool>>,
    {
        let begin = Instant::now();
        loop {
            if holds().await? {
                return Ok(());
            }
            if begin.elapsed() > LIMIT {
                bail!("waited {LIMIT:?} until {what}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the operator is ready and nothing has been written for a while.
    pub async fn settle(&self) -> Result<()> {
        let calm: Mutex<Option<Calm>> = Mutex::default();
        self.until("the operator is ready and writes no more", || async {
            let starts = self.operator.starts();
            let known =
                calm.lock().unwrap_or_else(PoisonError::into_inner).filter(|calm| calm.starts == starts);
            let ready = match known {
                Some(calm) => Some(calm),
                None => {
                    self.operator.get("readyz").await.ok().map(|_| Calm { starts, since: Instant::now() })
                }
            };
            *calm.lock().unwrap_or_else(PoisonError::into_inner) = ready;
            let Some(Calm { since, .. }) = ready else { return Ok(false) };
            let Some(seen) = self.proxy.sight().clear_since(since) else { return Ok(false) };
            let last = self.proxy.record().last_write().map_or(seen, |last| last.max(seen));
            Ok(last.elapsed() > QUIET)
        })
        .await
    }

    /// Takes everything down, without waiting until it is gone.
    pub async fn close(self) {
        self.operator.kill();
        // What is left in the cluster is in nobody's way, and goes with it.
        let _ = self.forget_finalizers().await;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        for namespace in [&self.fleet, &self.environment, &self.builds] {
            let _ = namespaces.delete(namespace, &DeleteParams::default()).await;
        }
    }

    async fn forget_finalizers(&self) -> Result<()> {
        let patch = json!({"metadata": {"finalizers": null}});
        for environment in self.api::<DevEnvironment>().list(&ListParams::default()).await? {
            let patch = Patch::Merge(&patch);
            self.api::<DevEnvironment>()
                .patch(&environment.name_any(), &PatchParams::default(), &patch)
                .await?;
        }
        for build in self.api::<ServiceBuild>().list(&ListParams::default()).await? {
            let patch = Patch::Merge(&patch);
            self.api::<ServiceBuild>().patch(&build.name_any(), &PatchParams::default(), &patch).await?;
        }
        for sync in self.api::<GitSync>().list(&ListParams::default()).await? {
            let patch = Patch::Merge(&patch);
            self.api::<GitSync>().patch(&sync.name_any(), &PatchParams::default(), &patch).await?;
        }
        Ok(())
    }
}

/// The spec of every fleet.
pub fn fleet_spec(registry: &str) -> Value {
    json!({
        "registry": registry,
        "machines": [{"name": "m"}],
        "stores": [{"name": "redis", "image": "{registry}/redis:7", "ports": [6379], "data": "/data"}],
    })
}
