//! The whole demo: a cluster, a git server and a registry in it, the operator, and a fleet that came from git.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use kube::Client;
use serde_json::json;
use slipway_cluster::{Cluster, Options, Process, Progress, Publish, REGISTRY};
use slipway_images::{Credentials, Reference, Registry, agent_image, operator_image};

use crate::base_image::BaseLayers;
use crate::fat_base::FatBase;
use crate::fleet::DemoFleet;
use crate::install::{Installation, apply};
use crate::programs::Program;
use crate::push::{Pushed, commit_and_push};
use crate::repositories::{FLEET, Repositories};
use crate::repository::Change;
use crate::service_image::ServiceImages;
use crate::sources::Sources;
use crate::steps::Steps;
use crate::store_images::StoreImages;

/// Namespace of the fleet, and its environment of all services.
pub const NAMESPACE: &str = "demo";

/// Host name of the git server for the operator, the node and its pods.
pub const GIT_HOST: &str = "git.slipway.test";

/// Name of the published git server, and of its process.
const GIT: &str = "git";

/// A running demo. It ends with this value.
pub struct Demo {
    cluster: Cluster,
    client: Client,
    repositories: Repositories,
    images: ServiceImages,
    git: SocketAddr,
}

/// What is started, and how it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// Install the operator, and a `GitSync` of the fleet's repository. Without it everything up to there runs.
    pub operator: bool,
    /// Which fleet that is.
    pub fleet: DemoFleet,
    /// Carry out network policies.
    pub network_policies: bool,
    /// Tell the steps on standard error.
    pub progress: Progress,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            operator: true,
            fleet: DemoFleet::default(),
            network_policies: false,
            progress: Progress::Lines,
        }
    }
}

impl Demo {
    /// Starts everything; returns when the operator runs and the `GitSync` is applied, not when the fleet is ready.
    pub async fn start(options: DemoOptions) -> Result<Self> {
        let steps = Steps::new(options.progress);
        let sources = Sources::of_this_checkout()?;
        let needed = if options.operator { Program::OF_A_FLEET } else { &[Program::Demo] };
        Program::require(needed)?;
        let DemoOptions { progress, network_policies, fleet, .. } = options;
        let cluster = Cluster::start(Options { progress, network_policies, ..Options::default() }).await?;
        let client = cluster.client().await?;
        let images = steps.run("base images", push_bases(&cluster, &sources, fleet)).await?;
        let directory = cluster.data_dir().join("git");
        let repositories = Repositories::create(&sources, &directory, fleet)?;
        steps.run("an image for each commit", build_heads(&images, &repositories)).await?;
        let git = serve_git(&cluster, &repositories, &directory, &images).await?;

        let demo = Self { cluster, client, repositories, images, git };
        if options.operator {
            let installation = steps.run("images of Slipway", push_programs(&demo.cluster)).await?;
            steps.run("operator", Box::pin(installation.apply(&demo.client))).await?;
            demo.sync_fleet().await?;
        }
        Ok(demo)
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A client with all rights.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The repositories as they are on disk; a commit made there starts no hook.
    pub fn repositories(&self) -> &Repositories {
        &self.repositories
    }

    /// Where a repository is cloned from and pushed to on this machine.
    pub fn clone_url(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.git)
    }

    /// Commits on top of a branch, or of the trunk when it does not exist, and pushes over HTTP as a person would:
    /// the image of the commit exists when this returns, unless the commit cannot be built. Returns the commit and what
    /// the server said.
    pub async fn commit(&self, repository: &str, branch: &str, changes: &[Change]) -> Result<Pushed> {
        let (served, url) = (self.repositories.repository(repository), self.clone_url(repository));
        let (branch, changes) = (branch.to_owned(), changes.to_vec());
        tokio::task::spawn_blocking(move || commit_and_push(&served, &url, &branch, &changes)).await?
    }

    /// Pushes the operator's and the agent's image, and gives what an installation is told of them.
    pub async fn push_operator(&self) -> Result<Installation> {
        push_programs(&self.cluster).await
    }

    /// Pushes the image that services without an image of their own are built of, as `base:1`.
    pub async fn push_fat_base(&self, base: &FatBase) -> Result<()> {
        self.images.push_fat_base(base).await.map(drop)
    }

    /// Pushes the images of the stores that the demo's own fleet does without, and of their clients.
    pub async fn push_stores(&self, stores: &StoreImages) -> Result<()> {
        self.images.push_stores(stores).await
    }

    /// Ends everything; nothing is left on the machine.
    pub async fn stop(self) -> Result<()> {
        Ok(self.cluster.stop().await?)
    }

    /// The one object that a person applies: it brings the rest from git.
    pub async fn sync_fleet(&self) -> Result<()> {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        apply(&self.client, object).await?;
        let sync = json!({
            "apiVersion": "slipway.dev/v1alpha1",
            "kind": "GitSync",
            "metadata": {"name": FLEET, "namespace": NAMESPACE},
            "spec": {"url": format!("http://{GIT_HOST}/{FLEET}.git"), "interval": "5s"},
        });
        apply(&self.client, sync).await
    }
}

fn registry_on_host(cluster: &Cluster) -> Result<String> {
    Ok(cluster.registry_address().context("this cluster has no registry")?.to_string())
}

async fn push_bases(cluster: &Cluster, sources: &Sources, fleet: DemoFleet) -> Result<ServiceImages> {
    let address = registry_on_host(cluster)?;
    let registry = Registry::new(vec![address.clone()], Credentials::Anonymous);
    let of_images = sources.clone();
    let layers = tokio::task::spawn_blocking(move || BaseLayers::prepare(&of_images)).await??;
    let images = ServiceImages::new(&address, &layers.push(&registry, &address).await?);
    if fleet == DemoFleet::Built {
        let of_base = sources.clone();
        let base = tokio::task::spawn_blocking(move || FatBase::prepare(&of_base)).await??;
        images.push_fat_base(&base).await?;
    }
    Ok(images)
}

/// Two at a time: one waits for a compiler, one for the registry.
async fn build_heads(images: &ServiceImages, repositories: &Repositories) -> Result<()> {
    let mut heads = Vec::new();
    for service in repositories.services() {
        for (_, commit) in repositories.repository(service).branches()? {
            heads.push((service.clone(), commit));
        }
    }
    let builds = heads.iter().map(|(service, commit)| async move {
        let built = images.build(&repositories.repository(service), service, commit).await;
        built.with_context(|| format!("cannot build the image of {service} at {commit}"))
    });
    futures::stream::iter(builds).buffer_unordered(2).try_for_each(|_| async { Ok(()) }).await
}

/// The server runs inside the node, where its name is one for operator, node and pods.
async fn serve_git(
    cluster: &Cluster,
    repositories: &Repositories,
    directory: &Path,
    images: &ServiceImages,
) -> Result<SocketAddr> {
    let program = Program::Demo.path()?;
    let base = images.base_at(REGISTRY);
    repositories
        .set_hook(&format!("'{}' build-image --registry {REGISTRY} --base {base}", program.display()))?;
    let listen = SocketAddr::new(cluster.node_address(), 80);
    let words = [&*program.to_string_lossy(), "git-server", "--listen", &listen.to_string(), "--directory"];
    let mut command: Vec<String> = words.into_iter().map(str::to_owned).collect();
    command.push(directory.to_string_lossy().into_owned());
    let process = Process { name: GIT.to_owned(), command, environment: Vec::new(), ready: Some(listen) };
    cluster.start_inside(process).await?;
    Ok(cluster.publish(&Publish { name: GIT.to_owned(), host_port: None, target: listen })?)
}

async fn push_programs(cluster: &Cluster) -> Result<Installation> {
    let address = registry_on_host(cluster)?;
    let registry = Registry::new(vec![address.clone()], Credentials::Anonymous);
    let name = |program: Program, registry: &str| format!("{registry}/{}:demo", program.name());
    let operator = operator_image(&Program::Controller.path()?)?;
    let agent = agent_image(&Program::Agent.path()?)?;
    let target = |program| -> Result<Reference> { Ok(Registry::reference(&name(program, &address))?) };
    registry.push(&operator, &target(Program::Controller)?).await?;
    registry.push(&agent, &target(Program::Agent)?).await?;
    Ok(Installation {
        operator: name(Program::Controller, REGISTRY),
        agent: name(Program::Agent, REGISTRY),
        plain_http_registry: REGISTRY.to_owned(),
    })
}
