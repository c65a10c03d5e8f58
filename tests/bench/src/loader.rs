//! What the API server can do at all: bodies that are ready, sent over connections that are open.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use kube::Config;
use kube::client::ConfigExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Connections that are open at once, one request on each.
pub const CONNECTIONS: usize = 16;

/// How objects are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Server-side apply.
    Apply,
    /// POST.
    Create,
}

/// Paths and bodies.
pub type Bodies = Arc<Vec<(String, Bytes)>>;

/// Sends all bodies and returns how long that took; every one must be accepted.
pub async fn load(kubeconfig: &Path, verb: Verb, bodies: Bodies) -> Result<Duration> {
    let server = Server::of(kubeconfig).await?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(server.connect().await?);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut work = JoinSet::new();
    for connection in connections {
        work.spawn(send_all(connection, server.host.clone(), verb, bodies.clone(), next.clone()));
    }
    while let Some(ended) = work.join_next().await {
        ended??;
    }
    Ok(begun.elapsed())
}

/// Where the API server is and how to speak to it.
struct Server {
    tls: TlsConnector,
    host: String,
    port: u16,
}

impl Server {
    async fn of(kubeconfig: &Path) -> Result<Self> {
        let file = Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let mut tls = config.rustls_client_config()?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let host = config.cluster_url.host().context("the kubeconfig names no host")?.to_owned();
        let port = config.cluster_url.port_u16().unwrap_or(443);
        Ok(Self { tls: TlsConnector::from(Arc::new(tls)), host, port })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone())?;
        let stream = self.tls.connect(name, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn send_all(
    mut connection: SendRequest<Full<Bytes>>,
    host: String,
    verb: Verb,
    bodies: Bodies,
    next: Arc<AtomicUsize>,
) -> Result<()> {
    while let Some((path, body)) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
        connection.ready().await?;
        let answer = connection.send_request(request(&host, verb, path, body.clone())?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
    }
    Ok(())
}

fn request(host: &str, verb: Verb, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>> {
    let (method, uri, kind) = match verb {
        Verb::Apply => {
            (Method::PATCH, format!("{path}?fieldManager=loader&force=true"), "application/apply-patch+yaml")
        }
        Verb::Create => {
            let collection = path.rsplit_once('/').map_or(path, |(collection, _)| collection);
            (Method::POST, format!("{collection}?fieldManager=loader"), "application/json")
        }
    };
    let request = Request::builder().method(method).uri(uri).header("host", host);
    Ok(request.header("content-type", kind).header("accept", "application/json").body(Full::new(body))?)
}
