//! A real git server: git's own `http-backend` behind HTTP, with pushes, hooks and private repositories.

mod access;
mod backend;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::repository::Repository;

/// Serves every `<name>.git` below a directory. Dropping it ends it; the repositories stay.
#[derive(Debug)]
pub struct GitServer {
    directory: PathBuf,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl GitServer {
    /// On a free port of loopback.
    pub async fn start(directory: &Path) -> Result<Self> {
        Self::start_at(directory, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// On the address given.
    pub async fn start_at(directory: &Path, address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("the git server cannot listen on {address}; is the port taken?"))?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(directory.to_owned());
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { directory: directory.to_owned(), address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a repository is cloned from and pushed to.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.address)
    }

    /// Makes an empty repository.
    pub fn create(&self, name: &str) -> Result<Repository> {
        Repository::create(&self.directory, name)
    }

    /// From now on the repository asks for this user and password, and for nothing else.
    pub fn protect(&self, name: &str, user: &str, password: &str) -> Result<()> {
        access::protect(&self.repository_path(name), user, password)
    }

    /// From now on everyone may read and push.
    pub fn open_to_all(&self, name: &str) -> Result<()> {
        access::open(&self.repository_path(name))
    }

    /// Serves until the process ends.
    pub async fn run(mut self) -> Result<()> {
        (&mut self.task).await.context("the git server ended")
    }

    fn repository_path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.git"))
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(directory): State<PathBuf>, request: Request) -> Response {
    let Some(repository) = repository_of(&directory, request.uri().path()) else {
        return (StatusCode::NOT_FOUND, "there is no such repository\n").into_response();
    };
    if !access::allows(&repository, request.headers()) {
        return access::refusal();
    }
    match backend::run(&directory, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("git http-backend: {error:#}\n")).into_response(),
    }
}

/// `/www.git/info/refs` is about `www.git`. Names with `..` or a slash have no repository.
fn repository_of(directory: &Path, path: &str) -> Option<PathBuf> {
    let name = path.trim_start_matches('/').split('/').next()?;
    let plain = name.strip_suffix(".git")?;
    let safe = plain.chars().all(|sign| sign.is_ascii_alphanumeric() || "-_".contains(sign));
    let repository = directory.join(name);
    (safe && repository.is_dir()).then_some(repository)
}
