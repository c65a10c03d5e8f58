//! Takes what the pods of builds tell: how far they are, how they ended, and how the unit tests went.
//!
//! ```text
//! POST /v1/builds/{namespace}/{name}        progress, or the end
//! POST /v1/builds/{namespace}/{name}/unit   the result of the unit tests
//! token ─► TokenReview ─► pod ─► Job of exactly this build ─► body read ─► ConfigMap ─► 200
//! ```
//!
//! Progress may be lost: it is kept in memory, and shown in the status. An end is stored before it is acknowledged, may come
//! any number of times, and is never overwritten; the reconciler reads it from the `ConfigMap`.

mod record;
mod sender;
mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State};
use axum::routing::post;
use kube::Client;
use kube::runtime::reflector::ObjectRef;
use slipway_agent::BuildReport;
use slipway_agent::report::{MAX_DELIVERY_BYTES, Report};
use slipway_crds::names;
use slipway_plan::build::Report as Told;
use slipway_plan::desired::Identity;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::cache::AskBuild;
use crate::holder;
use crate::memory::Memory;
use crate::reconcile::chain;
use crate::runs::Refusal;
use sender::{Part, Standing};

/// What is taken at once; each may hold a mebibyte.
const PARALLEL: usize = 8;
/// How long taking one may last; the agent waits for 30 seconds.
const PATIENCE: Duration = Duration::from_secs(25);

/// How far each build is, by its UID, and who looks at it again. Clones share it.
#[derive(Clone)]
pub struct Progress {
    known: Arc<Memory<Option<Told>>>,
    ask: AskBuild,
}

impl Progress {
    /// Asks through the builds' controller.
    pub fn new(ask: AskBuild) -> Self {
        Self { known: Arc::default(), ask }
    }

    /// What the pod of the build of this UID told last.
    pub fn of(&self, uid: &str) -> Option<Told> {
        self.known.get(uid)
    }

    /// Forgets a build that is over.
    pub fn forget(&self, uid: &str) {
        self.known.forget(uid);
    }

    fn wake(&self, identity: &Identity) {
        // An error means that the controller is shutting down.
        let build = ObjectRef::new(&identity.name).within(&identity.fleet_namespace);
        let _ = self.ask.unbounded_send(build);
    }
}

#[derive(Clone)]
struct Builds {
    client: Client,
    progress: Progress,
    permits: Arc<Semaphore>,
}

/// The endpoint, to be served where the operator's Service points.
pub fn router(client: Client, progress: Progress) -> Router {
    let builds = Builds { client, progress, permits: Arc::new(Semaphore::new(PARALLEL)) };
    Router::new()
        .route("/v1/builds/{namespace}/{name}", post(take_build))
        .route("/v1/builds/{namespace}/{name}/unit", post(take_unit))
        .layer(DefaultBodyLimit::max(MAX_DELIVERY_BYTES))
        .with_state(builds)
}

async fn take_build(
    State(builds): State<Builds>,
    Path((namespace, name)): Path<(String, String)>,
    request: Request,
) -> Result<&'static str, Refusal> {
    take(&builds, &namespace, &name, Part::Build, request).await
}

async fn take_unit(
    State(builds): State<Builds>,
    Path((namespace, name)): Path<(String, String)>,
    request: Request,
) -> Result<&'static str, Refusal> {
    take(&builds, &namespace, &name, Part::Unit, request).await
}

async fn take(
    builds: &Builds,
    namespace: &str,
    name: &str,
    part: Part,
    request: Request,
) -> Result<&'static str, Refusal> {
    let _permit = builds.permits.try_acquire().map_err(|_| Refusal::Busy)?;
    let taking = deliver(builds, namespace, name, part, request);
    let taken = tokio::time::timeout(PATIENCE, taking).await.unwrap_or(Err(Refusal::Slow));
    match &taken {
        Ok(what) => info!(namespace, build = name, ?part, what, "a build told something"),
        Err(refusal) => {
            warn!(namespace, build = name, ?part, error = chain(refusal), "what a build told is refused");
        }
    }
    taken
}

/// Nothing of the body is read before it is known who sends it.
async fn deliver(
    Builds { client, progress, .. }: &Builds,
    namespace: &str,
    name: &str,
    part: Part,
    request: Request,
) -> Result<&'static str, Refusal> {
    let holder = holder::of(client, names::BUILD_AUDIENCE, request.headers()).await?;
    let (identity, standing) = sender::verify(client, namespace, name, part, &holder).await?;
    let body = Bytes::from_request(request, &()).await.map_err(Refusal::Body)?;
    if standing == Standing::Over {
        return store::known(client, &identity, part, &body).await.map(|()| "stored before");
    }
    if part == Part::Unit {
        let report: Report = serde_json::from_slice(&body).map_err(Refusal::Malformed)?;
        return store::unit(client, &identity, report, &body).await.map(|()| "stored");
    }
    match serde_json::from_slice(&body).map_err(Refusal::Malformed)? {
        BuildReport::Progress(step) => {
            progress.known.set(&identity.uid, Some(record::progress(&step)));
            progress.wake(&identity);
            Ok("seen")
        }
        BuildReport::Ended(ended) => {
            store::build(client, &identity, &ended, &body).await?;
            progress.wake(&identity);
            Ok("stored")
        }
    }
}

#[cfg(test)]
mod tests;
