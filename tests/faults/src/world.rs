//! What all runs share: one API server with its controllers, a scripted node, a git server and a registry.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use slipway_cluster::{Cluster, Mode, Options, Progress};
use slipway_demo::{Change, GitServer, TRUNK};

use crate::node::Node;
use crate::registry::Registry;

/// User that every operator acts as: it has the rights of `manifests/install.yaml` and no others.
pub const USER: &str = "operator";
/// Password of the fleets' repositories: it must appear nowhere.
pub const CANARY: &str = "canary-7f3a9d52-do-not-tell";
/// User of the fleets' repositories.
pub const GIT_USER: &str = "emma";

/// A branch that every repository has beside its trunk, one commit after it.
pub const NEXT: &str = "next";

/// How long anything of the cluster's own may take.
const LIMIT: Duration = Duration::from_mins(1);

/// Services whose repositories every run reads: `www` needs `api` and the stateful pod.
const SERVICES: [(&str, &str); 5] = [
    (
        "www",
        "name: www\nimage: \"{registry}/www:{commit}\"\nrun: {ports: [80]}\ndependencies: [local, api]\n\
         integration:\n  cmd: make test\n  label: m\n  dependencies: [local, www, api]\n",
    ),
    ("api", "name: api\nimage: \"{registry}/api:{commit}\"\nrun: {ports: [80]}\ndependencies: [local]\n"),
    (
        "eta",
        "name: eta\nimage: \"{registry}/eta:{commit}\"\nrun: {ports: [80]}\nroles:\n  web: {}\n  \
         nightly: {command: make etl, schedule: \"0 3 * * *\"}\n",
    ),
    // Its image is built; of the ops repository nothing is run here.
    ("fat", "name: fat\nrun: {ports: [80]}\nunit: {command: make test}\n"),
    ("ops", "no service: states for all of them\n"),
];

/// What all runs share.
pub struct World {
    _node: Node,
    /// A client with all rights: the tests' own hand.
    pub client: Client,
    /// The git server.
    pub git: GitServer,
    /// The registry.
    pub registry: Registry,
    /// Kubeconfig of [`USER`].
    pub operator_kubeconfig: PathBuf,
    /// The program that is the operator.
    pub program: PathBuf,
    /// Folder of all runs; it goes with the cluster.
    pub folder: PathBuf,
    runs: AtomicUsize,
    /// The API server and its controllers; they go last.
    pub cluster: Cluster,
}

impl World {
    /// Starts everything; `program` is this crate's own.
    pub async fn start(program: &Path) -> Result<Self> {
        let options =
            Options { mode: Mode::Fast, progress: Progress::Quiet, audit: false, ..Options::default() };
        let cluster = Cluster::start(options).await?;
        let client = cluster.client().await?;
        install(&client).await?;
        let folder = cluster.data_dir().join("faults");
        let git_folder = folder.join("git");
        std::fs::create_dir_all(&git_folder)?;
        let git = GitServer::start(&git_folder).await?;
        for (service, manifest) in SERVICES {
            let changes = [Change::write("manifest.yaml", manifest)];
            let repository = git.create(service)?;
            let first = repository.commit(TRUNK, "first", &changes)?;
            let changes = [Change::write("README.md", "next\n")];
            repository.commit_on(Some(&first), NEXT, "next", &changes)?;
        }
        let operator_kubeconfig = cluster.kubeconfig_for(USER, None)?;
        let node = Node::start(&client);
        Ok(Self {
            client,
            git,
            registry: Registry::start().await?,
            operator_kubeconfig,
            program: program.to_owned(),
            folder,
            runs: AtomicUsize::new(0),
            _node: node,
            cluster,
        })
    }

    /// A number that no other run has.
    pub fn next_run(&self) -> usize {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }
}

/// Slipway's kinds, and the operator's rights.
async fn install(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in slipway_crds::definitions() {
        let name = definition.name_any();
        api.create(&PostParams::default(), &definition).await?;
        tokio::time::timeout(LIMIT, await_condition(api.clone(), &name, is_crd_established())).await??;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/install.yaml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let objects: Vec<Value> = serde_yaml::from_multiple(&text).context("install.yaml is not YAML")?;
    let role =
        |kind: &str| objects.iter().find(|object| object["kind"] == kind).map(|role| role["rules"].clone());
    give(client, USER, &role("ClusterRole").context("install.yaml has no ClusterRole")?).await?;
    // Here an operator's Lease is in its fleet's namespace.
    give(client, "operator-lease", &role("Role").context("install.yaml has no Role")?).await
}

/// Gives the operator rights everywhere.
async fn give(client: &Client, name: &str, rules: &Value) -> Result<()> {
    let role: ClusterRole = serde_json::from_value(json!({"metadata": {"name": name}, "rules": rules}))?;
    let binding = json!({"metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}]});
    let binding: ClusterRoleBinding = serde_json::from_value(binding)?;
    Api::all(client.clone()).create(&PostParams::default(), &role).await?;
    Api::all(client.clone()).create(&PostParams::default(), &binding).await?;
    Ok(())
}
