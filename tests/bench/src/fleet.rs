//! A fleet of services that need nothing, and environments of some of them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use kube::api::{DeleteParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use serde_json::{Value, json};
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceRepo};
use slipway_demo::{Change, Repository, TRUNK};
use slipway_plan::environment::namespace;

use crate::world::create_namespace;

/// Namespace of the fleet.
pub const NAMESPACE: &str = "fleet";

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// The fleet, as the API server has it.
pub struct Services {
    client: Client,
}

impl Services {
    /// Makes Fleet, services and their repositories; returns when the repositories were read. `url` tells where a
    /// repository is.
    pub async fn open(
        client: &Client,
        folder: &Path,
        registry: &str,
        image: &str,
        count: usize,
        url: impl Fn(&str) -> String,
    ) -> Result<Self> {
        create_namespace(client, NAMESPACE).await?;
        let fleet = Fleet::new("fleet", serde_json::from_value(json!({"registry": registry}))?);
        Api::namespaced(client.clone(), NAMESPACE).create(&PostParams::default(), &fleet).await?;
        let repos: Api<ServiceRepo> = Api::namespaced(client.clone(), NAMESPACE);
        for number in 0..count {
            let name = name(number);
            let manifest = format!("name: {name}\nimage: \"{image}\"\nrun: {{ports: [80]}}\n");
            let repository = Repository::create(folder, &name)?;
            repository.commit(TRUNK, "first", &[Change::write("manifest.yaml", manifest)])?;
            let spec = serde_json::from_value(json!({"url": url(&name), "interval": "1h"}))?;
            repos.create(&PostParams::default(), &ServiceRepo::new(&name, spec)).await?;
        }
        for number in 0..count {
            let is_read = |found: Option<&ServiceRepo>| {
                let status = found.and_then(|found| found.status.as_ref());
                status.is_some_and(|status| status.trunk_commit.is_some())
            };
            tokio::time::timeout(PATIENCE, await_condition(repos.clone(), &name(number), is_read)).await??;
        }
        Ok(Self { client: client.clone() })
    }

    /// Asks for an environment of the first services.
    pub async fn create_environment(&self, environment: &str, services: usize) -> Result<()> {
        let services: Vec<String> = (0..services).map(name).collect();
        let spec: Value = json!({"services": services});
        let object = DevEnvironment::new(environment, serde_json::from_value(spec)?);
        self.environments().create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Waits until the environment is Ready.
    pub async fn until_ready(&self, environment: &str) -> Result<()> {
        let is_ready = |found: Option<&DevEnvironment>| {
            let status = found.and_then(|found| found.status.as_ref());
            status.is_some_and(|status| conditions::is_true(&status.conditions, conditions::READY))
        };
        let ready = await_condition(self.environments(), environment, is_ready);
        let ready = tokio::time::timeout(PATIENCE, ready).await;
        ready.with_context(|| format!("{environment} was not ready after {PATIENCE:?}"))??;
        Ok(())
    }

    /// Deletes the environment; returns when nothing of it is left.
    pub async fn delete_environment(&self, environment: &str) -> Result<()> {
        self.environments().delete(environment, &DeleteParams::default()).await?;
        let is_gone = |found: Option<&DevEnvironment>| found.is_none();
        let gone = await_condition(self.environments(), environment, is_gone);
        tokio::time::timeout(PATIENCE, gone).await??;
        Ok(())
    }

    fn environments(&self) -> Api<DevEnvironment> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}

/// The namespace of an environment.
pub fn namespace_of(environment: &str) -> String {
    namespace::name(NAMESPACE, environment)
}

fn name(number: usize) -> String {
    format!("service-{number:02}")
}
