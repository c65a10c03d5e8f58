//! A standby passes what it is told on to the leader: nobody outside needs to know which is which.

use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tracing::debug;

use super::Tenure;

/// Set on what was passed on once: it is not passed on again.
const PASSED_ON: &str = "slipway-passed-on";
/// The largest body: whoever serves it has a limit of its own, and the largest of these is that of plans.
const LIMIT: usize = 16 * 1024 * 1024;
/// Requests that are passed on at once; each may hold so much.
const PARALLEL: usize = 4;
/// How long one may take; the agent waits for 30 seconds.
const PATIENCE: Duration = Duration::from_secs(25);

/// What passing on needs.
#[derive(Clone)]
pub struct Forward {
    tenure: Tenure,
    permits: Arc<Semaphore>,
}

impl Forward {
    /// Passes on while there is no tenure.
    pub fn new(tenure: Tenure) -> Self {
        Self { tenure, permits: Arc::new(Semaphore::new(PARALLEL)) }
    }
}

/// Why a request is not passed on.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no operator holds the lease at the moment: try again")]
    NoLeader,
    #[error("too many at once: try again")]
    Busy,
    #[error("the body could not be read, or is too large")]
    Body,
    #[error("the operator that holds the lease does not answer: try again")]
    Unreachable,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoLeader | Self::Busy | Self::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, [(header::RETRY_AFTER, HeaderValue::from_static("1"))], format!("{self}\n")).into_response()
    }
}

/// Lets the leader serve a request by itself, and a standby pass it on.
pub async fn to_leader(State(forward): State<Forward>, request: Request, next: Next) -> Response {
    if forward.tenure.is_held() || request.method() != Method::POST {
        return next.run(request).await;
    }
    pass_on(&forward, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn pass_on(forward: &Forward, request: Request) -> Result<Response, Refusal> {
    let leader = forward.tenure.leader().ok_or(Refusal::NoLeader)?;
    if request.headers().contains_key(PASSED_ON) {
        return Err(Refusal::NoLeader);
    }
    let _permit = forward.permits.try_acquire().map_err(|_| Refusal::Busy)?;
    let (head, body) = request.into_parts();
    let body = tokio::time::timeout(PATIENCE, to_bytes(body, LIMIT)).await;
    let body = body.map_err(|_| Refusal::Body)?.map_err(|_| Refusal::Body)?;
    let asked = tokio::task::spawn_blocking(move || ask(&leader, &head, &body)).await;
    asked.map_err(|_| Refusal::Unreachable)?.map_err(|error| {
        debug!(%error, "the leader does not answer");
        Refusal::Unreachable
    })
}

fn ask(leader: &str, head: &request::Parts, body: &[u8]) -> Result<Response, ureq::Error> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build();
    let mut request = ureq::Agent::new_with_config(config).post(format!("http://{leader}{path}"));
    let hop = [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING];
    for (name, value) in head.headers.iter().filter(|(name, _)| !hop.contains(name)) {
        request = request.header(name, value);
    }
    let mut answer = request.header(PASSED_ON, "1").send(body)?;
    let text = answer.body_mut().read_to_vec()?;
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let kind = kind.unwrap_or_else(|| HeaderValue::from_static("text/plain"));
    Ok((answer.status(), [(header::CONTENT_TYPE, kind)], text).into_response())
}
