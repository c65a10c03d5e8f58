//! Questions to a part that only a healthy one answers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::{Api, Client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::settings::NODE_NAME;

const LIMIT: Duration = Duration::from_secs(2);

/// What shows that a part is healthy.
pub(crate) enum Health {
    /// Somebody listens on the address.
    Listens(SocketAddr),
    /// Somebody listens on the Unix socket.
    ListensOn(PathBuf),
    /// The address answers a plain HTTP request for the path with success.
    Answers(SocketAddr, &'static str),
    /// The API server says that it is ready.
    ApiReady(Client),
    /// The first service account exists: a pod that is made before it is refused.
    AccountExists(Client),
    /// The node takes pods.
    NodeReady(Client),
}

impl Health {
    /// Asks once.
    pub(crate) async fn is_good(&self) -> bool {
        matches!(timeout(LIMIT, self.ask()).await, Ok(Ok(true)))
    }

    async fn ask(&self) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        Ok(match self {
            Self::Listens(address) => TcpStream::connect(address).await.is_ok(),
            Self::ListensOn(socket) => UnixStream::connect(socket).await.is_ok(),
            Self::Answers(address, path) => status_line(*address, path).await?.contains(" 200 "),
            Self::ApiReady(client) => {
                client.request_text(http::Request::get("/readyz").body(Vec::new())?).await? == "ok"
            }
            Self::AccountExists(client) => {
                Api::<ServiceAccount>::namespaced(client.clone(), "default").get("default").await.is_ok()
            }
            Self::NodeReady(client) => is_ready(&Api::<Node>::all(client.clone()).get(NODE_NAME).await?),
        })
    }
}

async fn status_line(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_when_its_ready_condition_says_so() {
        let node = |status: &str| -> Node {
            let conditions = serde_json::json!([{"type": "Ready", "status": status}]);
            serde_json::from_value(serde_json::json!({"metadata": {}, "status": {"conditions": conditions}}))
                .unwrap()
        };
        assert!(is_ready(&node("True")));
        assert!(!is_ready(&node("Unknown")));
        assert!(!is_ready(&Node::default()));
    }
}
