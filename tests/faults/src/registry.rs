//! A registry that has every image, each under the digest of its own name.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

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
        let router = Router::new().fallback(answer);
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

async fn answer(uri: Uri) -> Response {
    let Some((_, tag)) = uri.path().split_once("/manifests/") else { return StatusCode::OK.into_response() };
    let sum = Sha256::digest(format!("{} {tag}", uri.path()));
    let digest = sum.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let headers = [("docker-content-digest", digest), (header::CONTENT_TYPE.as_str(), kind.to_owned())];
    (StatusCode::OK, headers, "{}").into_response()
}
