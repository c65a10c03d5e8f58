//! A `GitSync` of a repository of applications.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::await_condition;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slipway_crds::conditions;
use slipway_crds::v1alpha1::GitSync;
use slipway_demo::{Change, Repository, TRUNK};

use crate::applications;
use crate::operator::Operator;
use crate::requests::{OPERATOR, Requests};
use crate::world::World;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long after the last word of a `GitSync` the audit log is read.
const SETTLED: Duration = Duration::from_secs(2);
/// The secret of messages of the git server.
const TOKEN: &str = "a-secret-of-the-benchmark";
/// Name of the `GitSync`.
const NAME: &str = "apps";

/// A `GitSync` in a namespace of its own, with a repository of its own.
pub struct Synced<'a> {
    world: &'a World,
    namespace: String,
    repository: Repository,
}

/// From a commit to everything applied.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Until the last object was written.
    pub applied: Duration,
    /// Until the `GitSync` was Ready with this commit.
    pub ready: Duration,
    /// What was asked of the API server.
    pub requests: Requests,
}

impl<'a> Synced<'a> {
    /// Makes it, with one application; returns when that is applied.
    pub async fn open(world: &'a World, operator: &Operator, namespace: &str) -> Result<Self> {
        let repository = world.git.create(namespace)?;
        world.create_namespace(namespace).await?;
        let opened = Self { world, namespace: namespace.to_owned(), repository };
        opened.create_account().await?;
        let secret = json!({"metadata": {"name": "hook"}, "stringData": {"token": TOKEN}});
        opened.create::<Secret>(secret).await?;
        let spec = json!({
            "url": world.git.url(namespace),
            "interval": "1h",
            "webhook": {"secret": "hook"},
            "serviceAccountName": "deployer",
            "allowedKinds": applications::kinds(),
        });
        let seed = opened.commit(&applications::files(1)).await?;
        opened.create::<GitSync>(json!({"metadata": {"name": NAME}, "spec": spec})).await?;
        opened.until_ready(&seed).await?;
        // The first message is slower: the operator reads the Secret.
        opened.ring(operator).await?;
        Ok(opened)
    }

    async fn create_account(&self) -> Result<()> {
        self.create::<ServiceAccount>(json!({"metadata": {"name": "deployer"}})).await?;
        let binding = json!({
            "metadata": {"name": "deployer"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": self.namespace}],
        });
        self.create::<RoleBinding>(binding).await
    }

    async fn create<K>(&self, object: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
        K: Serialize + DeserializeOwned,
    {
        let object: K = serde_json::from_value(object)?;
        self.api::<K>().create(&PostParams::default(), &object).await?;
        Ok(())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.world.client.clone(), &self.namespace)
    }

    /// Commits; tells nobody.
    pub async fn commit(&self, changes: &[Change]) -> Result<String> {
        let (repository, changes) = (self.repository.clone(), changes.to_vec());
        tokio::task::spawn_blocking(move || repository.commit(TRUNK, "change", &changes)).await?
    }

    /// Tells the operator that something was pushed, as a git server does.
    pub async fn ring(&self, operator: &Operator) -> Result<()> {
        let url = operator.url(&format!("hooks/{}/gitsync/{NAME}", self.namespace));
        let body = "{}";
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, TOKEN.as_bytes()), body.as_bytes());
        let digits: Vec<String> = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("sha256={}", digits.concat());
        let send = move || ureq::post(&url).header("x-slipway-signature", &signature).send(body).map(drop);
        tokio::task::spawn_blocking(send).await?.context("the operator does not take messages")
    }

    /// Waits until a commit is applied and the `GitSync` is Ready.
    pub async fn until_ready(&self, commit: &str) -> Result<()> {
        let is_ready = |found: Option<&GitSync>| {
            let status = found.and_then(|found| found.status.as_ref());
            status.is_some_and(|status| {
                status.last_applied_revision.as_deref() == Some(commit)
                    && conditions::is_true(&status.conditions, conditions::READY)
            })
        };
        let ready = await_condition(self.api::<GitSync>(), NAME, is_ready);
        let found = tokio::time::timeout(PATIENCE, ready).await;
        found.with_context(|| format!("{commit} was not applied after {PATIENCE:?}"))??;
        Ok(())
    }

    /// Commits, tells the operator, and waits.
    pub async fn sync(&self, operator: &Operator, changes: &[Change]) -> Result<Sync> {
        let mark = self.world.audit.mark()?;
        let commit = self.commit(changes).await?;
        let (begun, at) = (Instant::now(), Timestamp::now());
        self.ring(operator).await?;
        self.until_ready(&commit).await?;
        let ready = begun.elapsed();
        tokio::time::sleep(SETTLED).await;
        let requests = Requests::since(&self.world.audit, mark, OPERATOR)?;
        let last = requests.writes().last().context("the operator wrote nothing")?;
        Ok(Sync { applied: last.duration_since(at).try_into()?, ready, requests })
    }

    /// From a commit that changes one `ConfigMap` to the moment at which a watch shows the change.
    pub async fn change_one(&self, operator: &Operator, number: usize, value: &str) -> Result<Duration> {
        let seen = self.watch_change(number, value);
        let commit = self.commit(&[applications::changed(number, value)]).await?;
        let begun = Instant::now();
        self.ring(operator).await?;
        let at = seen.await??;
        self.until_ready(&commit).await?;
        Ok(at.duration_since(begun))
    }

    /// When a watch shows the value.
    pub fn watch_change(&self, number: usize, value: &str) -> tokio::task::JoinHandle<Result<Instant>> {
        let (api, value) = (self.api::<ConfigMap>(), value.to_owned());
        tokio::spawn(async move {
            let has_value = |found: Option<&ConfigMap>| {
                let data = found.and_then(|found| found.data.as_ref());
                data.and_then(|data| data.get("VALUE")).is_some_and(|found| *found == value)
            };
            let name = applications::name(number);
            tokio::time::timeout(PATIENCE, await_condition(api, &name, has_value)).await??;
            Ok(Instant::now())
        })
    }

    /// How often the repository is asked from now on.
    pub async fn set_interval(&self, interval: &str) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"interval": interval}}));
        self.api::<GitSync>().patch(NAME, &PatchParams::default(), &patch).await?;
        Ok(())
    }
}
