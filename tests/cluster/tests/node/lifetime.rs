//! Clusters come side by side and go without a trace.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use serde_json::json;
use slipway_cluster::Mode;

use crate::traces;
use crate::workload::{cluster, cluster_with_image, pod, start};

#[tokio::test]
async fn two_clusters_run_side_by_side_and_a_stopped_one_leaves_nothing() {
    let ((one, client), two) = tokio::join!(cluster_with_image(), cluster(Mode::Full));
    start(&client, pod("busy", &["sleep", "600"])).await;
    let id = one.id().to_owned();
    assert!(!traces::of(&id).is_empty(), "a running cluster is seen, or this test proves nothing");
    one.stop().await.unwrap();
    assert_eq!(traces::of(&id), Vec::<String>::new());
    let nodes: Api<Node> = Api::all(two.client().await.unwrap());
    assert_eq!(nodes.list(&ListParams::default()).await.unwrap().items.len(), 1, "the other one goes on");
}

#[tokio::test]
async fn a_dropped_cluster_leaves_nothing() {
    let cluster = cluster(Mode::Fast).await;
    let id = cluster.id().to_owned();
    assert!(!traces::of(&id).is_empty());
    drop(cluster);
    assert_eq!(traces::of(&id), Vec::<String>::new());
}

#[tokio::test]
async fn the_fast_mode_serves_the_api() {
    let cluster = cluster(Mode::Fast).await;
    let namespaces: Api<Namespace> = Api::all(cluster.client().await.unwrap());
    assert!(namespaces.get("default").await.is_ok());
    assert!(cluster.registry_address().is_none());
}

#[tokio::test]
async fn a_killed_owner_of_a_node_leaves_nothing() {
    let owner = Owner::start(&["up"]);
    let sandbox = "localhost/pause:1";
    let mut busy = pod("busy", &[]);
    busy["spec"]["containers"][0] = json!({"name": "main", "image": sandbox});
    start(&owner.client().await, busy).await;
    owner.killed_leaves_nothing().await;
}

#[tokio::test]
async fn a_killed_owner_of_a_fast_cluster_leaves_nothing() {
    Owner::start(&["up", "--fast"]).killed_leaves_nothing().await;
}

/// The command as a process of its own, with a cluster.
struct Owner {
    process: Child,
    kubeconfig: PathBuf,
}

impl Owner {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway-cluster"));
        let mut process = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the command starts a cluster").unwrap();
        Self { process, kubeconfig: line.strip_prefix("export KUBECONFIG=").unwrap().into() }
    }

    async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        Client::try_from(kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap()).unwrap()
    }

    /// `kill -9`, which the command can do nothing about.
    async fn killed_leaves_nothing(mut self) {
        let data = self.kubeconfig.parent().unwrap();
        let id = data.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(!traces::of(&id).is_empty());
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        traces::are_gone(&id).await;
    }
}
