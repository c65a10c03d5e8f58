//! Git over https: who vouches for the server, and what happens when nobody does.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, also in what they share")]

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::ByteString;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use slipway_controller::git::{Credentials, Git, GitError, Limits, Remote, Want};
use support::git_server::{Behaviour, GitServer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Somebody who vouches for servers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// What a server of this name shows.
    fn server(&self, name: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate: CertificateDer<'static> =
            parameters.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
    }
}

/// A TLS server before a git server.
async fn serve(config: ServerConfig, server: &GitServer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, behind) = (TlsAcceptor::from(Arc::new(config)), server.address());
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us goes away in the middle of this.
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

fn remote(address: SocketAddr, entries: &[(&str, &str)]) -> Remote {
    let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec()));
    let data: BTreeMap<_, _> = entries.iter().map(entry).collect();
    let remote = Remote::public(&format!("https://{address}/fleet.git")).unwrap();
    let credentials = Credentials::from_secret("platform/git", &data, &remote.url).unwrap();
    Remote { credentials: Some(credentials), ..remote }
}

fn git() -> (Git, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Git::new(folder.path(), Limits::default()).unwrap(), folder)
}

#[tokio::test]
async fn a_server_of_an_own_authority_is_read_when_the_secret_names_it() {
    let server = GitServer::start().await;
    let commit = server.repository("fleet.git").commit("main", &[("a.yaml", "1")]);
    let authority = Authority::new();
    let address = serve(authority.server("127.0.0.1"), &server).await;
    let (git, _cache) = git();
    let public = remote(address, &[("ca.crt", &authority.pem)]);
    git.fetch(&public, Want::Reference("refs/heads/main".to_owned())).await.unwrap();
    assert!(git.has_commit(&public, &commit).await.unwrap());

    let authorization = Some("Basic ZW1tYTpodW50ZXIy".to_owned());
    server.behave(Behaviour { authorization, ..Behaviour::default() });
    let refused = git.refs(&public).await.unwrap_err();
    assert!(matches!(refused, GitError::AuthenticationRefused { .. }), "{refused}");
    let login = [("ca.crt", authority.pem.as_str()), ("username", "emma"), ("password", "hunter2")];
    assert_eq!(git.refs(&remote(address, &login)).await.unwrap().branch("main"), Some(&commit));
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let server = GitServer::start().await;
    server.repository("fleet.git").commit("main", &[("a.yaml", "1")]);
    let (authority, other) = (Authority::new(), Authority::new());
    let address = serve(authority.server("127.0.0.1"), &server).await;
    let elsewhere = serve(authority.server("git.example.com"), &server).await;
    let (git, _cache) = git();
    let login = ("token", "hunter2");
    for remote in [
        remote(address, &[login]),
        remote(address, &[login, ("ca.crt", &other.pem)]),
        remote(elsewhere, &[login, ("ca.crt", &authority.pem)]),
    ] {
        let error = git.refs(&remote).await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    assert_eq!(server.take_requests(), [""; 0], "the token went nowhere");
}
