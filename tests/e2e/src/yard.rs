//! A namespace of a story's own: its Fleet, services and environments come from a repository of its own, so that stories do
//! not meet. The services' repositories are the demo's; a story that pushes to one has a trunk of its own there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, Client};
use serde_json::{Value, json};
use slipway_crds::v1alpha1::{DevEnvironment, GitSync, ServiceRepo};
use slipway_crds::{conditions, names};
use slipway_demo::{Change, TRUNK, is_ready};

use crate::waiting::{Watched, until, until_all};
use crate::world::World;

/// The demo's Fleet.
const FLEET_FILE: &str = include_str!("../../../manifests/demo/fleet/fleet.yaml");
/// Name of the `GitSync`.
pub const SYNC: &str = "fleet";

/// What a yard has.
#[derive(Clone, Debug)]
pub struct Layout {
    services: Vec<Value>,
    git: String,
    interval: String,
    fleet: String,
    more: String,
}

impl Layout {
    /// These services of the demo, with their real trunks, looked at every two seconds.
    pub fn of(services: &[&str]) -> Self {
        let git = "http://git.slipway.test".to_owned();
        let services = services.iter().map(|name| json!({"name": name, "trunk": TRUNK})).collect();
        Self { services, git, interval: "2s".to_owned(), fleet: FLEET_FILE.to_owned(), more: String::new() }
    }

    /// Another branch is the trunk of this service.
    #[must_use]
    pub fn trunk(mut self, service: &str, branch: &str) -> Self {
        for one in self.services.iter_mut().filter(|one| one["name"] == service) {
            one["trunk"] = branch.into();
        }
        self
    }

    /// How often repositories are asked for news.
    #[must_use]
    pub fn interval(mut self, interval: &str) -> Self {
        interval.clone_into(&mut self.interval);
        self
    }

    /// Where repositories are.
    #[must_use]
    pub fn git(mut self, url: &str) -> Self {
        url.clone_into(&mut self.git);
        self
    }

    /// A further line of the Fleet's spec.
    #[must_use]
    pub fn fleet(mut self, line: &str) -> Self {
        self.more = format!("  {line}\n");
        self
    }

    /// Another Fleet than the demo's.
    #[must_use]
    pub fn fleet_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.fleet);
        self
    }

    fn files(&self) -> Vec<Change> {
        let services = self.services.iter().map(|service| {
            let name = service["name"].as_str().unwrap_or_default();
            let spec = json!({
                "url": format!("{}/{name}.git", self.git),
                "trunk": service["trunk"],
                "interval": self.interval,
            });
            object("ServiceRepo", &json!({"name": name}), &spec)
        });
        vec![
            Change::write("fleet.yaml", format!("{}{}", self.fleet, self.more)),
            Change::write("services.yaml", services.collect::<Vec<_>>().join("---\n")),
        ]
    }
}

/// One object as a YAML document.
fn object(kind: &str, metadata: &Value, spec: &Value) -> String {
    format!("apiVersion: slipway.dev/v1alpha1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n")
}

/// A namespace of a story's own.
pub struct Yard<'a> {
    world: &'a World,
    name: String,
    requests: AtomicU32,
}

impl<'a> Yard<'a> {
    /// Makes repository, namespace and `GitSync`, with these environments in the first commit.
    pub async fn open(world: &'a World, name: &str, layout: &Layout, more: &[Change]) -> Result<Self> {
        let yard = Self { world, name: format!("story-{name}"), requests: AtomicU32::default() };
        let repository = world.create_repository(&yard.name)?;
        repository.commit(TRUNK, "A fleet of a story", &[layout.files(), more.to_vec()].concat())?;
        let namespace = serde_json::from_value(json!({"metadata": {"name": yard.name}}))?;
        Api::<Namespace>::all(yard.client().clone()).create(&PostParams::default(), &namespace).await?;
        let spec = json!({"url": format!("{}/{}.git", layout.git, yard.name), "interval": layout.interval});
        let sync = serde_json::from_value(json!({"metadata": {"name": SYNC}, "spec": spec}))?;
        yard.syncs().create(&PostParams::default(), &sync).await?;
        yard.laid_out(layout.services.len()).await?;
        Ok(yard)
    }

    /// Waits until what came from git is there and the services' repositories were read.
    async fn laid_out(&self, services: usize) -> Result<()> {
        let applied = |found: &GitSync| {
            found.status.as_ref().is_some_and(|status| status.last_applied_revision.is_some())
        };
        until(&self.syncs(), SYNC, "its first commit is applied", applied).await?;
        let read = |found: &ServiceRepo| {
            found
                .status
                .as_ref()
                .is_some_and(|status| conditions::is_true(&status.conditions, conditions::READY))
        };
        let all_read =
            |found: &[Arc<ServiceRepo>]| found.len() == services && found.iter().all(|one| read(one));
        let repositories: Api<ServiceRepo> = self.within(&self.name);
        until_all(&repositories, watcher::Config::default(), "its services are read", all_read)
            .await
            .map(drop)
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.name
    }

    /// A client with all rights.
    pub fn client(&self) -> &Client {
        self.world.demo.client()
    }

    /// Its environments.
    pub fn environments(&self) -> Api<DevEnvironment> {
        self.within(&self.name)
    }

    /// Its `GitSync`.
    pub fn syncs(&self) -> Api<GitSync> {
        self.within(&self.name)
    }

    /// Objects in any namespace.
    pub fn within<K>(&self, namespace: &str) -> Api<K>
    where
        K: Watched + kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client().clone(), namespace)
    }

    /// Pushes a commit to its fleet repository and asks for a look at it. Returns the commit.
    pub async fn push(&self, changes: &[Change]) -> Result<String> {
        let pushed = self.world.demo.commit(&self.name, TRUNK, changes).await?;
        self.request_look().await?;
        Ok(pushed.commit)
    }

    /// Asks the `GitSync` to look at its repository now.
    pub async fn request_look(&self) -> Result<()> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed).to_string();
        let patch = Patch::Merge(json!({"metadata": {"annotations": {names::REQUESTED_AT: number}}}));
        self.syncs().patch(SYNC, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Waits until an environment is as wished.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        wish: impl Fn(&DevEnvironment) -> bool,
    ) -> Result<DevEnvironment> {
        let what = format!("{}/{name}: {what}", self.name);
        until(&self.environments(), name, &what, wish).await
    }

    /// Waits until an environment is ready.
    pub async fn ready(&self, name: &str) -> Result<DevEnvironment> {
        self.until(name, "ready", is_ready).await
    }

    /// Waits until an environment is ready and runs a service at a commit.
    pub async fn ready_with(&self, name: &str, service: &str, commit: &str) -> Result<DevEnvironment> {
        let runs =
            |found: &DevEnvironment| is_ready(found) && crate::environment::runs(found, service, commit);
        self.until(name, &format!("ready with {service} at {commit}"), runs).await
    }

    /// The commit a branch of a service's repository points at.
    pub fn head(&self, service: &str, branch: &str) -> Result<String> {
        head(self.world, service, branch)
    }
}

/// The commit a branch of a service's repository points at.
pub fn head(world: &World, service: &str, branch: &str) -> Result<String> {
    let head = world.demo.repositories().repository(service).head(branch)?;
    head.with_context(|| format!("{service} has no branch {branch}"))
}

/// A file with an environment.
pub fn environment(name: &str, spec: &Value) -> Change {
    labelled_environment(name, &json!({}), spec)
}

/// A file with an environment that has labels.
pub fn labelled_environment(name: &str, labels: &Value, spec: &Value) -> Change {
    let metadata = json!({"name": name, "labels": labels});
    Change::write(&format!("environments/{name}.yaml"), object("DevEnvironment", &metadata, spec))
}
