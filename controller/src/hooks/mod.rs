//! Takes messages of git servers that something was pushed.
//!
//! ```text
//! POST /hooks/{namespace}/{gitsync|servicerepo}/{name}
//! object with `webhook` ─► signature in a header ─► body, capped ─► HMAC over its bytes ─► look now ─► 202
//! ```
//! What a message says is never read: the repository is asked instead. So one that is sent again, or by somebody else who
//! knows the secret, can do no more than ask for a look. Nothing is written to the object.

mod refusal;
mod signature;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client};
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};
use tokio::sync::Semaphore;
use tracing::debug;

use crate::memory::Memory;
use crate::pushed::Wake;
use refusal::Refusal;
use signature::Signature;

/// The largest message: git servers send no larger ones.
const BODY_LIMIT: usize = 1024 * 1024;
/// Messages that are taken at once; each may hold a mebibyte.
const PARALLEL: usize = 16;
/// How long sending one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a secret is remembered: whoever knows none must not cause a request to the API server with each message.
const SECRET_AGE: Duration = Duration::from_secs(30);

/// What every message needs.
#[derive(Clone)]
pub struct Hooks {
    client: Client,
    syncs: Store<GitSync>,
    repos: Store<ServiceRepo>,
    wake: Wake,
    secrets: Arc<Memory<Option<Known>>>,
    permits: Arc<Semaphore>,
}

/// A secret, and when it was read.
#[derive(Clone)]
struct Known {
    read: Instant,
    secret: Option<crate::git::Secret>,
}

/// What a message is for.
enum Target {
    Sync(Arc<GitSync>),
    Repo(Arc<ServiceRepo>),
}

impl Hooks {
    /// Looks objects up in these stores.
    pub fn new(client: Client, syncs: Store<GitSync>, repos: Store<ServiceRepo>, wake: Wake) -> Self {
        let permits = Arc::new(Semaphore::new(PARALLEL));
        Self { client, syncs, repos, wake, secrets: Arc::default(), permits }
    }

    /// The object of this name that wants messages, and the Secret it names.
    fn target(&self, namespace: &str, kind: &str, name: &str) -> Option<(Target, String)> {
        match kind {
            "gitsync" => {
                let sync = self.syncs.get(&ObjectRef::new(name).within(namespace))?;
                let secret = sync.spec.webhook.as_ref()?.secret.clone();
                Some((Target::Sync(sync), secret))
            }
            "servicerepo" => {
                let repo = self.repos.get(&ObjectRef::new(name).within(namespace))?;
                let secret = repo.spec.webhook.as_ref()?.secret.clone();
                Some((Target::Repo(repo), secret))
            }
            _ => None,
        }
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<crate::git::Secret, Refusal> {
        let id = format!("{namespace}/{name}");
        if let Some(known) = self.secrets.get(&id).filter(|known| known.read.elapsed() < SECRET_AGE) {
            return known.secret.ok_or(Refusal::NoSecret);
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await.map_err(Refusal::Unavailable)?;
        let token = found.and_then(|found| found.data?.remove("token"));
        let token = token.and_then(|token| String::from_utf8(token.0).ok());
        // An empty one would let everybody in.
        let token =
            token.map(|token| token.trim_end_matches('\n').to_owned()).filter(|token| !token.is_empty());
        let secret = token.map(crate::git::Secret::new);
        self.secrets.set(&id, Some(Known { read: Instant::now(), secret: secret.clone() }));
        secret.ok_or(Refusal::NoSecret)
    }
}

/// The endpoint for messages of git servers.
pub fn router(hooks: Hooks) -> Router {
    Router::new().route("/hooks/{namespace}/{kind}/{name}", post(take)).with_state(hooks)
}

async fn take(
    State(hooks): State<Hooks>,
    Path((namespace, kind, name)): Path<(String, String, String)>,
    request: Request,
) -> Result<(StatusCode, &'static str), Refusal> {
    let _permit = hooks.permits.try_acquire().map_err(|_| Refusal::Busy)?;
    let (target, secret) = hooks.target(&namespace, &kind, &name).ok_or(Refusal::Unknown)?;
    let signature = Signature::of(request.headers()).ok_or(Refusal::NotSigned)?;
    let secret = hooks.secret(&namespace, &secret).await?;
    let body = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), BODY_LIMIT)).await;
    let body = body.map_err(|_| Refusal::Slow)?.map_err(|_| Refusal::TooLarge)?;
    if !signature.is_of(secret.expose().as_bytes(), &body) {
        return Err(Refusal::NotSigned);
    }
    debug!(namespace, kind, name, "a git server says that something was pushed");
    match target {
        Target::Sync(sync) => hooks.wake.sync(&sync),
        Target::Repo(repo) => hooks.wake.repo(&repo),
    }
    Ok((StatusCode::ACCEPTED, "the repository is looked at now\n"))
}

#[cfg(test)]
mod tests;
