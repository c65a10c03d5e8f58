//! A node with an image of Debian's static busybox, and what tests do with pods.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{AttachParams, PostParams};
use kube::runtime::conditions::is_pod_running;
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use serde_json::{Value, json};
use slipway_cluster::{Cache, Cluster, Mode, Options, Progress, image};
use tokio::io::AsyncReadExt;

/// The image of every test pod; the registry has it, so that a pull is part of each test.
pub(crate) const IMAGE: &str = "registry.slipway.test:5000/busybox:1";

/// How long anything may take before it counts as never.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// A cluster that tells nothing.
pub(crate) async fn cluster(mode: Mode) -> Cluster {
    Cluster::start(Options { mode, progress: Progress::Quiet, ..Options::default() }).await.unwrap()
}

/// A cluster whose registry has the image, and a client for it.
pub(crate) async fn cluster_with_image() -> (Cluster, Client) {
    let cluster = cluster(Mode::Full).await;
    push_image(&cluster).await;
    let client = cluster.client().await.unwrap();
    (cluster, client)
}

async fn push_image(cluster: &Cluster) {
    let busybox = std::fs::read(busybox()).unwrap();
    let archive = cluster.data_dir().join("busybox.tar");
    image::write_archive(&archive, IMAGE, &[("bin/busybox", &busybox)], &["/bin/busybox"]).unwrap();
    cluster.import_image(&archive).await.unwrap();
    run(cluster, &["ctr", "-n", "k8s.io", "images", "push", "--plain-http", IMAGE]).await;
    run(cluster, &["ctr", "-n", "k8s.io", "images", "rm", IMAGE]).await;
}

/// Debian's static busybox on the host.
pub(crate) fn busybox() -> PathBuf {
    let cache = Cache::open().unwrap();
    cache.debian_package("busybox-static", Progress::Quiet).unwrap().join("bin/busybox")
}

/// Runs a command inside the node; its output when it succeeded.
pub(crate) async fn run(cluster: &Cluster, command: &[&str]) -> String {
    let output = cluster.exec_inside(command).await.unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A pod that runs a busybox command.
pub(crate) fn pod(name: &str, command: &[&str]) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": IMAGE, "args": command}],
        },
    })
}

/// Creates a pod and waits until it runs.
pub(crate) async fn start(client: &Client, pod: Value) -> Api<Pod> {
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let name = pod.metadata.name.clone().unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let running = await_condition(pods.clone(), &name, is_pod_running());
    let runs = tokio::time::timeout(LIMIT, running).await.is_ok();
    assert!(runs, "{name} does not run: {:?}", pods.get(&name).await.unwrap().status);
    pods
}

/// Runs a busybox command in a pod until it prints `wanted`: what it asks for may take a moment to be known everywhere.
pub(crate) async fn prints(pods: &Api<Pod>, name: &str, command: &[&str], wanted: &str) {
    let mut printed = String::new();
    let asked = async {
        while !printed.contains(wanted) {
            printed = exec(pods, name, command).await;
        }
    };
    let answered = tokio::time::timeout(LIMIT, asked).await.is_ok();
    assert!(answered, "{command:?} in {name} does not print {wanted:?} but {printed:?}");
}

/// What a busybox command in a pod prints, errors included.
pub(crate) async fn exec(pods: &Api<Pod>, name: &str, command: &[&str]) -> String {
    let words = std::iter::once("/bin/busybox").chain(command.iter().copied());
    let mut process = pods.exec(name, words, &AttachParams::default()).await.unwrap();
    let (mut output, mut errors) = (process.stdout().unwrap(), process.stderr().unwrap());
    let (mut printed, mut complained) = (String::new(), String::new());
    let (read, read_errors) =
        tokio::join!(output.read_to_string(&mut printed), errors.read_to_string(&mut complained));
    read.and(read_errors).unwrap();
    printed + &complained
}
