//! Takes the results of integration runs from the agents in their pods.
//!
//! ```text
//! POST /v1/runs/{namespace}/{environment}/{generation}
//! token ─► TokenReview ─► pod ─► Job of exactly this run ─► body read ─► JUnit ─► ConfigMap ─► 200
//! ```
//!
//! The agent offers a result until it gets a 2xx, so there is none before the result is stored; the same result may
//! come any number of times; a stored one is never overwritten. The reconciler reads the `ConfigMap`.

mod address;
mod junit;
mod refusal;
mod sender;
mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State};
use axum::routing::post;
use kube::Client;
use slipway_agent::report::{MAX_DELIVERY_BYTES, Report};
use slipway_crds::names;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::holder;
use crate::reconcile::chain;
use address::Address;

pub use junit::cut;
pub use refusal::Refusal;
pub use sender::owner_job;
pub use store::{digest, unpacked as unit_result};

/// Results that are taken at once; each may hold a mebibyte.
const PARALLEL: usize = 8;
/// How long taking one may last; the agent waits for 30 seconds.
const PATIENCE: Duration = Duration::from_secs(25);

/// What every request needs.
#[derive(Clone)]
struct Runs {
    client: Client,
    permits: Arc<Semaphore>,
}

/// The endpoint for results, to be served where the operator's Service points.
pub fn router(client: Client) -> Router {
    let runs = Runs { client, permits: Arc::new(Semaphore::new(PARALLEL)) };
    Router::new()
        .route("/v1/runs/{namespace}/{environment}/{generation}", post(take))
        .layer(DefaultBodyLimit::max(MAX_DELIVERY_BYTES))
        .with_state(runs)
}

async fn take(
    State(runs): State<Runs>,
    Path((namespace, environment, generation)): Path<(String, String, String)>,
    request: Request,
) -> Result<&'static str, Refusal> {
    let _permit = runs.permits.try_acquire().map_err(|_| Refusal::Busy)?;
    let address = Address::parse(&namespace, &environment, &generation)?;
    let taken = tokio::time::timeout(PATIENCE, deliver(&runs.client, &address, request)).await;
    match taken.unwrap_or(Err(Refusal::Slow)) {
        Ok(()) => {
            info!(namespace, environment, generation, "the result of a run is stored");
            Ok("stored")
        }
        Err(refusal) => {
            warn!(
                namespace,
                environment,
                generation,
                error = chain(&refusal),
                "the result of a run is refused"
            );
            Err(refusal)
        }
    }
}

/// Nothing of the body is read before it is known who sends it.
async fn deliver(client: &Client, address: &Address, request: Request) -> Result<(), Refusal> {
    let holder = holder::of(client, names::RUN_AUDIENCE, request.headers()).await?;
    let identity = sender::verify(client, address, &holder).await?;
    let body = Bytes::from_request(request, &()).await.map_err(Refusal::Body)?;
    let report: Report = serde_json::from_slice(&body).map_err(Refusal::Malformed)?;
    store::store(client, &identity, address.generation, report, &store::digest(&body)).await
}

#[cfg(test)]
mod tests;
