//! Pods run, print, and let commands in.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, LogParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use slipway_cluster::Mode;

use crate::workload::{LIMIT, cluster, cluster_with_image, exec, pod, start};

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
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(Client::try_from(config).unwrap());
    maps.list(&ListParams::default()).await.unwrap();
    let mut map = ConfigMap::default();
    map.metadata.name = Some("written-by-tester".into());
    maps.create(&PostParams::default(), &map).await.unwrap();

    let log = std::fs::read_to_string(cluster.audit_log_path()).unwrap();
    let events = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let of_tester: Vec<_> = events.filter(|event| event["user"]["username"] == "tester").collect();
    assert_eq!(of_tester.len(), 1, "the read leaves no line: {of_tester:?}");
    assert_eq!(of_tester[0]["verb"], "create");
    assert_eq!(of_tester[0]["objectRef"]["name"], "written-by-tester");
}
