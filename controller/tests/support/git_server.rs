//! The server: repositories below one folder, answered by `git http-backend`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;

use super::repository::Repository;
use super::tamper::Tamper;

/// How the server behaves towards the next requests.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// The `Authorization` header it wants.
    pub authorization: Option<String>,
    /// Where it sends everybody.
    pub redirect: Option<String>,
    /// Whether it takes requests and never answers.
    pub silent: bool,
    /// A status it answers with instead of the repository.
    pub status: Option<u16>,
    /// What it does to its answers.
    pub tamper: Option<Tamper>,
}

/// A running server; it ends with the value.
pub struct GitServer {
    folder: tempfile::TempDir,
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    root: std::path::PathBuf,
    behaviour: Mutex<Behaviour>,
    requests: Mutex<Vec<String>>,
}

impl GitServer {
    /// Starts one on a free port of the loopback address.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: folder.path().to_owned(),
            behaviour: Mutex::default(),
            requests: Mutex::default(),
        });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { folder, address, shared, task }
    }

    /// Makes an empty repository.
    pub fn repository(&self, name: &str) -> Repository {
        Repository::create(&self.folder.path().join(name))
    }

    /// URL of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// Changes how it behaves from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    /// The requests since the last call.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.requests.lock().unwrap().push(format!("{method} {uri}"));
    let behaviour = shared.behaviour.lock().unwrap().clone();
    if behaviour.silent {
        std::future::pending::<()>().await;
    }
    if let Some(status) = behaviour.status {
        return plain(StatusCode::from_u16(status).unwrap());
    }
    if let Some(target) = behaviour.redirect {
        let mut response = plain(StatusCode::FOUND);
        response.headers_mut().insert(header::LOCATION, format!("{target}{uri}").parse().unwrap());
        return response;
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if behaviour.authorization.is_some() && behaviour.authorization.as_deref() != given {
        let mut response = plain(StatusCode::UNAUTHORIZED);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, "Basic realm=\"git\"".parse().unwrap());
        return response;
    }
    let tamper = behaviour.tamper;
    let body = tamper.as_ref().map_or(body.clone(), |tamper| tamper.request(&body));
    let is_pack = method == Method::POST;
    let answer = tokio::task::spawn_blocking(move || backend(&shared.root, &method, &uri, &headers, &body));
    let answer = answer.await.unwrap();
    match tamper {
        Some(tamper) => tamper.answer(is_pack, answer).await,
        None => answer,
    }
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn backend(root: &std::path::Path, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut response = plain(StatusCode::OK);
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 2 {
        let (name, value) = line.trim_end().split_once(": ").unwrap();
        if name == "Status" {
            *response.status_mut() = StatusCode::from_u16(value[..3].parse().unwrap()).unwrap();
        } else {
            let name: header::HeaderName = name.parse().unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        line.clear();
    }
    let mut content = Vec::new();
    output.read_to_end(&mut content).unwrap();
    child.wait().unwrap();
    *response.body_mut() = Body::from(content);
    response
}
