//! Up to where the operator begins: a pushed commit has an image, and a pod runs it.
#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use slipway_demo::{Change, Demo, DemoOptions, NAMESPACE, get, wait_for};

const PATIENCE: Duration = Duration::from_mins(1);

fn pod(name: &str, image: &str, command: &str, folder: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"containers": [{
            "name": name, "image": image, "command": ["/bin/sh", "-c", command], "workingDir": folder,
            "readinessProbe": {"httpGet": {"path": "/services/ping", "port": 80}, "periodSeconds": 1},
        }]},
    }))
    .unwrap()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

async fn make_namespace(demo: &Demo) {
    let namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).unwrap();
    Api::<Namespace>::all(demo.client().clone()).create(&PostParams::default(), &namespace).await.unwrap();
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> =
        Api::namespaced(demo.client().clone(), NAMESPACE);
    wait_for(accounts, "default", PATIENCE, |_| true).await.unwrap();
}

#[tokio::test]
async fn a_pushed_change_of_the_code_is_what_a_pod_of_its_image_answers() {
    let demo = Demo::start(DemoOptions { operator: false, ..DemoOptions::default() }).await.unwrap();
    make_namespace(&demo).await;
    let changed = "return { moon = { x = 0, y = 384400 } }\n";
    let pushed = demo.commit("ats", "main", &[Change::write("places.lua", changed)]).await.unwrap();
    let image = format!("registry.slipway.test:5000/ats:{}", pushed.commit);
    assert!(pushed.said.contains(&format!("main: image {image} in ")), "{}", pushed.said);

    let pods: Api<Pod> = Api::namespaced(demo.client().clone(), NAMESPACE);
    let ats = pod("ats", &image, "exec lua5.4 server.lua", "/srv/ats");
    pods.create(&PostParams::default(), &ats).await.unwrap();
    let running = wait_for(pods, "ats", PATIENCE, is_ready).await.unwrap();
    let address = running.status.unwrap().pod_ip.unwrap().parse().unwrap();
    let published = demo.publish_address("ats", std::net::SocketAddr::new(address, 80)).unwrap();
    assert_eq!(get(published, "/places").await.unwrap(), r#"[{"name":"moon","x":0,"y":384400}]"#);
    demo.stop().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_cannot_be_built_is_pushed_and_the_pusher_reads_why() {
    let demo = Demo::start(DemoOptions { operator: false, ..DemoOptions::default() }).await.unwrap();
    let broken =
        demo.commit("eta", "broken", &[Change::write("speed.go", "package main\n\nconst\n")]).await.unwrap();
    assert!(broken.said.contains("there is no image of"), "{}", broken.said);
    assert!(broken.said.contains("speed.go"), "{}", broken.said);
    demo.stop().await.unwrap();
}
