//! Pods run, print, and let commands in.

use kube::api::LogParams;
use slipway_cluster::Mode;

use crate::workload::{LIMIT, cluster, cluster_with_image, exec, pod, run, start};

#[tokio::test]
async fn a_pod_pulls_from_the_registry_runs_logs_and_takes_commands() {
    let (cluster, client) = cluster_with_image().await;
    let pods = start(&client, pod("hello", &["sh", "-c", "echo hello; exec busybox sleep 600"])).await;
    let logged = async { while pods.logs("hello", &LogParams::default()).await.unwrap() != "hello\n" {} };
    tokio::time::timeout(LIMIT, logged).await.expect("the pod's log says hello");
    assert_eq!(exec(&pods, "hello", &["echo", "from inside"]).await, "from inside\n");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_audit_log_names_who_wrote_what() {
    let cluster = cluster(Mode::Fast).await;
    let kubeconfig = cluster.kubeconfig_for("tester", Some("system:masters")).unwrap();
    let kubectl = |verb: &[&str]| {
        let mut command = std::process::Command::new(cluster.kubectl_path());
        command.arg("--kubeconfig").arg(&kubeconfig).args(verb);
        assert!(command.status().unwrap().success(), "{verb:?}");
    };
    kubectl(&["get", "namespaces"]);
    kubectl(&["create", "configmap", "written-by-tester"]);
    let log = std::fs::read_to_string(cluster.audit_log_path()).unwrap();
    let of_tester: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["user"]["username"] == "tester")
        .collect();
    assert_eq!(of_tester.len(), 1, "the read leaves no line: {of_tester:?}");
    assert_eq!(of_tester[0]["verb"], "create");
    assert_eq!(of_tester[0]["objectRef"]["name"], "written-by-tester");
}

#[tokio::test]
async fn a_command_runs_in_the_node_s_own_network() {
    let cluster = cluster(Mode::Full).await;
    let addresses = run(&cluster, &["ip", "-brief", "address", "show", "slipway0"]).await;
    assert!(addresses.contains("10.87.0.1/24"), "{addresses}");
    let names = run(&cluster, &["getent", "hosts", "registry.slipway.test", "any.slipway.test"]).await;
    assert_eq!(names.matches("10.87.0.1").count(), 2, "{names}");
}
