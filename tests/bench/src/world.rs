//! An API server with its controllers, a git server and a registry: fresh for each round.

use std::path::PathBuf;

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use slipway_cluster::{Cluster, Mode, Options, Progress};
use slipway_demo::GitServer;
use slipway_e2e::audit::Audit;
use slipway_faults::registry::Registry;

use crate::operator::{Operator, Place};
use crate::requests::OPERATOR;

/// What a round has.
pub struct World {
    /// A client with all rights.
    pub client: Client,
    /// The git server.
    pub git: GitServer,
    /// A registry that has every image.
    pub registry: Registry,
    /// Who wrote what, and what the operator read.
    pub audit: Audit,
    folder: PathBuf,
    /// Goes last.
    pub cluster: Cluster,
}

impl World {
    /// Without nodes: for what needs no pods.
    pub async fn start() -> Result<Self> {
        let audited_reader = Some(OPERATOR.to_owned());
        let options =
            Options { mode: Mode::Fast, progress: Progress::Quiet, audited_reader, ..Options::default() };
        let cluster = Cluster::start(options).await?;
        let client = cluster.client().await?;
        install_kinds(&client).await?;
        let folder = cluster.data_dir().join("bench");
        std::fs::create_dir_all(folder.join("git"))?;
        Ok(Self {
            git: GitServer::start(&folder.join("git")).await?,
            registry: Registry::start().await?,
            audit: Audit::of(&cluster),
            client,
            folder,
            cluster,
        })
    }

    /// Starts the operator; returns when it is ready.
    pub async fn operator(&self) -> Result<Operator> {
        let place = Place {
            kubeconfig: self.cluster.kubeconfig_for(OPERATOR, Some("system:masters"))?,
            context: format!("slipway-{}", self.cluster.id()),
            folder: self.folder.clone(),
            registry: self.registry.address(),
        };
        let operator = Operator::start(&place)?;
        operator.ready().await?;
        Ok(operator)
    }

    /// Makes a namespace.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        create_namespace(&self.client, name).await
    }
}

/// Makes a namespace.
pub async fn create_namespace(client: &Client, name: &str) -> Result<()> {
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    Ok(())
}

/// Slipway's kinds.
pub async fn install_kinds(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in slipway_crds::definitions() {
        let name = definition.name_any();
        api.create(&PostParams::default(), &definition).await?;
        await_condition(api.clone(), &name, is_crd_established()).await?;
    }
    Ok(())
}
