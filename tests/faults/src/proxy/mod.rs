//! A reverse proxy before the API server, for one operator: it records every request, and does what the rules say.
//!
//! Towards the operator it speaks TLS with HTTP/1.1 or HTTP/2, whichever is asked for; towards the API server it is a
//! client with the operator's user. A request that has arrived is carried to its end also when the operator is gone:
//! so it is with an API server, too.

mod certificate;
mod events;
mod exchange;
mod record;
mod rule;
mod sight;
mod target;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use certificate::CONTEXT;
pub use record::{Entry, Record};
pub use rule::{EventFault, Fault, Matcher, Rule, Rules};
pub use sight::Sight;
pub use target::{Target, Verb};

use certificate::Certificate;

/// Kills the operator at once.
pub type Kill = Arc<dyn Fn() + Send + Sync>;

/// What every request needs.
pub(crate) struct Shared {
    upstream: Client,
    user: String,
    record: Record,
    rules: Rules,
    sight: Sight,
    kill: Kill,
    /// The first answer to each list, by path: what an older list is taken from.
    lists: Mutex<HashMap<String, Bytes>>,
}

/// A running proxy; dropping it closes it.
pub struct Proxy {
    shared: Arc<Shared>,
    kubeconfig: PathBuf,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts one that acts with the rights of `kubeconfig`'s user; its own kubeconfig goes into `folder`.
    pub async fn start(kubeconfig: &Path, user: &str, folder: &Path, kill: Kill) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("failed to listen on loopback")?;
        let certificate = Certificate::create()?;
        let own = certificate.kubeconfig(listener.local_addr()?.port(), folder)?;
        let shared = Arc::new(Shared {
            upstream: upstream(kubeconfig).await?,
            user: user.to_owned(),
            record: Record::default(),
            rules: Rules::default(),
            sight: Sight::default(),
            kill,
            lists: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, certificate, shared.clone()));
        Ok(Self { shared, kubeconfig: own, accepting })
    }

    /// The kubeconfig for the operator; its context is [`CONTEXT`].
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What passed.
    pub fn record(&self) -> &Record {
        &self.shared.record
    }

    /// What goes wrong.
    pub fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    /// What the operator cannot see yet.
    pub fn sight(&self) -> &Sight {
        &self.shared.sight
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A client that never tries again by itself: each request of the operator's is one request.
async fn upstream(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

async fn accept(listener: TcpListener, certificate: Certificate, shared: Arc<Shared>) {
    // Connections end with the proxy.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, certificate.acceptor.clone(), shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, acceptor: tokio_rustls::TlsAcceptor, shared: Arc<Shared>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request| exchange::exchange(shared.clone(), request));
    // A connection that ends with an error ends as it was told to.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}
