//! The proxy's own certificate, and the kubeconfig that trusts it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Name of the context in every kubeconfig for a proxy.
pub const CONTEXT: &str = "faults";

/// A certificate for loopback, and what speaks TLS with it: HTTP/2 where the client can, else HTTP/1.1.
pub struct Certificate {
    /// Accepts connections.
    pub acceptor: TlsAcceptor,
    pem: String,
}

impl Certificate {
    /// A new one.
    pub fn create() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])
            .context("failed to make the proxy's certificate")?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), pem: made.cert.pem() })
    }

    /// A kubeconfig for the proxy on this port. It carries no credentials: the proxy adds the user's.
    pub fn kubeconfig(&self, port: u16, folder: &std::path::Path) -> Result<std::path::PathBuf> {
        let authority = folder.join("proxy.crt");
        std::fs::write(&authority, &self.pem)?;
        let cluster =
            json!({"server": format!("https://127.0.0.1:{port}"), "certificate-authority": authority});
        let file = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": CONTEXT, "cluster": cluster}],
            "users": [{"name": CONTEXT, "user": {}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        });
        let path = folder.join("kubeconfig.json");
        std::fs::write(&path, file.to_string())?;
        Ok(path)
    }
}
