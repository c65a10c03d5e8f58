//! A registry that has every image, each under the digest of its own name. What is built here has a name only once it was
//! pushed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Manifests that were pushed, by path.
type Pushed = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// A running registry; dropping it ends it.
pub struct Registry {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Registry {
    /// On a free port of loopback.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Pushed::default());
        // Serving ends with the task, never with an error.
        let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, serving })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The digest of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

async fn answer(State(pushed): State<Pushed>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path();
    let Some((repository, tag)) = path.split_once("/manifests/") else {
        return StatusCode::OK.into_response();
    };
    let mut pushed = pushed.lock().unwrap_or_else(PoisonError::into_inner);
    if method == Method::PUT {
        let sum = digest(&body);
        pushed.insert(format!("{repository}/manifests/{sum}"), body.clone());
        pushed.insert(path.to_owned(), body);
        return (StatusCode::CREATED, [("docker-content-digest", sum), ("location", path.to_owned())])
            .into_response();
    }
    match pushed.get(path) {
        Some(manifest) => manifest_of(&digest(manifest), manifest.clone()),
        None if is_built(tag) => StatusCode::NOT_FOUND.into_response(),
        None => manifest_of(&digest(format!("{path} {tag}").as_bytes()), Bytes::from_static(b"{}")),
    }
}

fn manifest_of(sum: &str, manifest: Bytes) -> Response {
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let headers = [("docker-content-digest", sum), (header::CONTENT_TYPE.as_str(), kind)];
    (StatusCode::OK, headers, manifest).into_response()
}

/// Whether a tag is one of a build: a commit and an identity, twelve digits each.
fn is_built(tag: &str) -> bool {
    let is_digits = |part: Option<&str>| {
        part.is_some_and(|part| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let mut parts = tag.split('-');
    is_digits(parts.next()) && is_digits(parts.next())
}
