//! The part of the distribution protocol that pushing needs, kept in memory. Counts what was uploaded.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, body};

#[derive(Default)]
pub struct Content {
    /// By `<repository>@<digest>`.
    pub blobs: HashMap<String, Bytes>,
    /// By `<repository>:<tag or digest>`.
    pub manifests: HashMap<String, Bytes>,
    /// Digests in the order in which bytes were sent for them.
    pub uploaded: Vec<String>,
}

#[derive(Clone)]
pub struct FakeRegistry {
    pub address: SocketAddr,
    pub content: Arc<Mutex<Content>>,
}

impl FakeRegistry {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let registry = Self { address: listener.local_addr().unwrap(), content: Arc::default() };
        let router = Router::new().fallback(answer).with_state(registry.content.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        registry
    }

    pub fn manifest(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.content.lock().unwrap().manifests[name]).unwrap()
    }
}

type Parameters = Query<HashMap<String, String>>;

async fn answer(
    State(content): State<Arc<Mutex<Content>>>,
    Query(parameters): Parameters,
    request: Request,
) -> Response {
    let (head, stream) = request.into_parts();
    let bytes = body::to_bytes(stream, usize::MAX).await.unwrap();
    let path = head.uri.path().trim_start_matches("/v2/").to_owned();
    let mut content = content.lock().unwrap();
    if let Some((repository, _)) = path.split_once("/blobs/uploads") {
        upload(&mut content, repository, &head.method, &parameters, bytes)
    } else if let Some((repository, digest)) = path.split_once("/blobs/") {
        found(content.blobs.get(&format!("{repository}@{digest}")), digest)
    } else if let Some((repository, tag)) = path.split_once("/manifests/") {
        manifest(&mut content, repository, tag, &head.method, bytes)
    } else {
        StatusCode::OK.into_response()
    }
}

fn upload(
    content: &mut Content,
    repository: &str,
    method: &Method,
    parameters: &HashMap<String, String>,
    bytes: Bytes,
) -> Response {
    let location = (header::LOCATION, format!("/v2/{repository}/blobs/uploads/1"));
    if method == Method::PUT {
        let digest = &parameters["digest"];
        content.uploaded.push(digest.clone());
        content.blobs.insert(format!("{repository}@{digest}"), bytes);
        return (StatusCode::CREATED, [location]).into_response();
    }
    let mounted = parameters.get("mount").zip(parameters.get("from"));
    let blob = mounted.and_then(|(digest, from)| content.blobs.get(&format!("{from}@{digest}")).cloned());
    match (mounted, blob) {
        (Some((digest, _)), Some(blob)) => {
            content.blobs.insert(format!("{repository}@{digest}"), blob);
            (StatusCode::CREATED, [location]).into_response()
        }
        _ => (StatusCode::ACCEPTED, [location]).into_response(),
    }
}

fn manifest(content: &mut Content, repository: &str, tag: &str, method: &Method, bytes: Bytes) -> Response {
    if method == Method::PUT {
        let digest = sha256(&bytes);
        content.manifests.insert(format!("{repository}:{digest}"), bytes.clone());
        content.manifests.insert(format!("{repository}:{tag}"), bytes);
        let location = format!("/v2/{repository}/manifests/{digest}");
        return (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
    }
    let known = content.manifests.get(&format!("{repository}:{tag}"));
    let digest = known.map(|bytes| sha256(bytes)).unwrap_or_default();
    found(known, &digest)
}

fn found(bytes: Option<&Bytes>, digest: &str) -> Response {
    let digest_header = HeaderName::from_static("docker-content-digest");
    match bytes {
        Some(bytes) => ([(digest_header, digest.to_owned())], bytes.clone()).into_response(),
        None => (StatusCode::NOT_FOUND, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":""}]}"#)
            .into_response(),
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}
