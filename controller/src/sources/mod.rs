//! Gives the pods of builds and of built services the commits that they were made for: pods hold no git credentials.
//!
//! ```text
//! GET /v1/sources/{fleet namespace}/{service}/{service|ops}?to=SHA[&from=SHA]
//! GET /v1/sources/{fleet namespace}/{service}/assets[/{n}]?to=SHA
//! token ─► TokenReview ─► pod ─► its build or environment, its commits ─► mirror ─► archive, as it is read
//! ```
//!
//! 409 says that `from` is nothing to start from: the agent asks for the whole.

mod asked;
mod assets;
pub mod entitled;
mod refusal;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kube::Client;
use slipway_crds::names;
use slipway_plan::commit::CommitId;
use slipway_plan::service_name::ServiceName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

use crate::context::Context;
use crate::git::{Git, Remote, Want};
use crate::holder;
use crate::lease::Tenure;
use crate::reconcile::chain;
pub use asked::Repository;
use asked::{Asked, Commits};
use refusal::Refusal;

/// Archives that are sent at once; each has one file of a repository in memory, and a thread.
const PARALLEL: usize = 8;
/// What the answer is, as the agent knows it.
const MEDIA_TYPE: &str = "application/vnd.slipway.sources.v1.tar+gzip";

/// Where a repository of a fleet and a service is, once it was read.
pub type Find = Arc<dyn Fn(&str, &ServiceName, Repository) -> Option<Remote> + Send + Sync>;

/// What giving sources needs.
#[derive(Clone)]
pub struct Supply {
    /// For tokens and pods.
    pub client: Client,
    /// Only who has the lease has the mirrors.
    pub tenure: Tenure,
    /// The mirrors.
    pub git: Git,
    /// Where repositories are.
    pub find: Find,
}

impl Supply {
    /// That of the operator.
    pub fn of(context: Arc<Context>) -> Self {
        let (client, tenure, git) = (context.client.clone(), context.tenure.clone(), context.git.clone());
        let find = move |namespace: &str, service: &ServiceName, repository: Repository| {
            let known = match repository {
                Repository::Service => context.repositories.get(namespace, service),
                Repository::Ops => context.ops.get(namespace),
            };
            known.and_then(|known| known.read).map(|(remote, _)| remote)
        };
        Self { client, tenure, git, find: Arc::new(find) }
    }
}

#[derive(Clone)]
struct Sources {
    supply: Supply,
    permits: Arc<Semaphore>,
}

/// The endpoint for sources, to be served where the operator's Service points.
pub fn router(supply: Supply) -> Router {
    let sources = Sources { supply, permits: Arc::new(Semaphore::new(PARALLEL)) };
    Router::new()
        .route("/v1/sources/{namespace}/{service}/assets", get(assets::list))
        .route("/v1/sources/{namespace}/{service}/assets/{at}", get(assets::inputs))
        .route("/v1/sources/{namespace}/{service}/{repository}", get(give))
        .with_state(sources)
}

async fn give(
    State(sources): State<Sources>,
    Path((namespace, service, repository)): Path<(String, String, String)>,
    Query(commits): Query<Commits>,
    headers: HeaderMap,
) -> Response {
    let given = match Asked::parse(&namespace, &service, &repository, &commits) {
        Ok(asked) => prepare(&sources, asked, &headers).await,
        Err(refusal) => Err(refusal),
    };
    given.unwrap_or_else(|refusal| {
        warn!(namespace, service, repository, error = chain(&refusal), "sources are refused");
        refusal.into_response()
    })
}

/// What can be refused is refused before the first byte.
async fn prepare(sources: &Sources, asked: Asked, headers: &HeaderMap) -> Result<Response, Refusal> {
    let Admitted { remote, permit } = admit(sources, &asked, headers).await?;
    let git = &sources.supply.git;
    let found = git.sources(&remote, asked.from.as_ref(), &asked.to).await?;
    let found = found.ok_or_else(|| Refusal::UnknownStart { from: asked.from.clone() })?;
    info!(
        namespace = asked.namespace,
        service = asked.service.as_str(),
        repository = asked.repository.name(),
        to = asked.to.as_str(),
        entries = found.len(),
        "sources are sent"
    );
    Ok(send(git.clone(), remote, found, permit))
}

/// Who may have what was asked for.
struct Admitted {
    remote: Remote,
    permit: OwnedSemaphorePermit,
}

/// Nothing is looked for before it is known who asks.
async fn admit(sources: &Sources, asked: &Asked, headers: &HeaderMap) -> Result<Admitted, Refusal> {
    let supply = &sources.supply;
    if !supply.tenure.is_held() {
        return Err(Refusal::Standby);
    }
    let permit = Arc::clone(&sources.permits).try_acquire_owned().map_err(|_| Refusal::Busy)?;
    let holder = holder::of(&supply.client, names::BUILD_AUDIENCE, headers).await?;
    entitled::check(&supply.client, asked, &holder).await?;
    let remote = (supply.find)(&asked.namespace, &asked.service, asked.repository).ok_or(Refusal::NotRead)?;
    has(&supply.git, &remote, &asked.to).await?;
    Ok(Admitted { remote, permit })
}

/// A commit that the mirror lacks is fetched: it may be new here, for the mirrors are a cache.
async fn has(git: &Git, remote: &Remote, commit: &CommitId) -> Result<(), Refusal> {
    if git.has_commit(remote, commit).await? {
        return Ok(());
    }
    git.fetch(remote, Want::Commit(commit.clone())).await?;
    if git.has_commit(remote, commit).await? {
        return Ok(());
    }
    Err(Refusal::NoCommit { commit: commit.clone() })
}

fn send(git: Git, remote: Remote, sources: crate::git::Sources, permit: OwnedSemaphorePermit) -> Response {
    let (sink, body) = stream::pair();
    tokio::spawn(async move {
        let end = sink.end();
        if let Err(error) = git.write_sources(&remote, sources, sink).await {
            warn!(error = chain(&error), "sources are not sent to their end");
            end.broken().await;
        }
        drop(permit);
    });
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], Body::from_stream(body)).into_response()
}
