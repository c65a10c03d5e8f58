//! Services, names, and the way in from the host.

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use slipway_cluster::Publish;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::workload::{LIMIT, cluster_with_image, pod, prints, start};

const SERVE: &str = "echo 'it answers' > /index.html; exec busybox httpd -f -p 8080 -h /";

#[tokio::test]
async fn a_service_answers_by_address_and_name_in_a_pod_and_on_the_host() {
    let (cluster, client) = cluster_with_image().await;
    start(&client, pod("web", &["sh", "-c", SERVE])).await;
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let service = json!({
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    let service = serde_json::from_value(service).unwrap();
    let service = services.create(&PostParams::default(), &service).await.unwrap();
    let address = service.spec.unwrap().cluster_ip.unwrap();
    let url = format!("http://{address}/");

    let pods = start(&client, pod("asks", &["sleep", "600"])).await;
    prints(&pods, "asks", &["wget", "-q", "-O", "-", &url], "it answers").await;
    prints(&pods, "web", &["wget", "-q", "-O", "-", &url], "it answers").await;
    prints(&pods, "asks", &["nslookup", "web.default.svc.cluster.local"], &address).await;
    prints(&pods, "asks", &["nslookup", "git.slipway.test"], "10.87.0.1").await;
    prints(&pods, "asks", &["nslookup", "example.com"], "NXDOMAIN").await;

    let target = format!("{address}:80").parse().unwrap();
    let published = cluster.publish(&Publish { name: "web".into(), host_port: None, target }).unwrap();
    assert!(published.ip().is_loopback());
    assert_eq!(cluster.published("web"), Some(published));
    let answered = async { while !get(published).await.contains("it answers") {} };
    tokio::time::timeout(LIMIT, answered).await.expect("the host reaches the Service");
    assert!(get(cluster.registry_address().unwrap()).await.contains("200 OK"));
}

async fn get(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    // A connection that the inside refuses ends without an answer.
    drop(stream.read_to_string(&mut answer).await);
    answer
}
