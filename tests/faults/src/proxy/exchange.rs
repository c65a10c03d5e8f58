//! One request and its answer.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header, request, response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use kube::client::Body;
use serde_json::json;

use super::record::Entry;
use super::rule::Fault;
use super::target::{Target, Verb};
use super::{Shared, events};

/// A body on its way to the operator.
pub(super) type Reply = UnsyncBoxBody<Bytes, Broken>;

/// The connection is to be broken.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken")]
pub(super) struct Broken;

/// Passes one request on, or does what the rules say.
pub(super) async fn exchange(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Broken> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let query = head.uri.query().unwrap_or_default();
    let Some(target) = Target::of(&head.method, head.uri.path(), query, &body) else {
        let (head, body) = send(&shared, head, body).await?;
        return whole(head, body).await.map(|(head, bytes)| full(head, bytes));
    };
    let fault = shared.rules.request(&target);
    let index = shared.record.begin(Entry {
        at: Instant::now(),
        user: shared.user.clone(),
        target: target.clone(),
        query: query.to_owned(),
        body: body.clone(),
        status: None,
        answer: Bytes::new(),
    });
    let target_is_watch = target.verb == Verb::Watch;
    if target_is_watch && matches!(fault, Some(Fault::Answer { .. } | Fault::Reset { .. })) {
        shared.sight.refused(&target);
    }
    let request = Passing { shared: shared.clone(), target, index, head, body };
    match fault {
        None | Some(Fault::Event(_)) => request.pass().await,
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            request.pass().await
        }
        Some(Fault::KillBefore) => {
            (shared.kill)();
            Err(Broken)
        }
        Some(Fault::KillAfter) => {
            let answered = request.pass().await;
            (shared.kill)();
            answered.and(Err(Broken))
        }
        Some(Fault::Answer { status, retry_after, forwarded }) => {
            if forwarded {
                request.pass().await?;
            }
            Ok(if target_is_watch && status == 410 { gone() } else { refusal(status, retry_after) })
        }
        Some(Fault::Reset { forwarded }) => {
            if forwarded {
                request.pass().await?;
            }
            Err(Broken)
        }
        Some(Fault::BlackHole) => std::future::pending().await,
        Some(Fault::OlderList) => request.older().await,
    }
}

/// A request for a resource.
struct Passing {
    shared: Arc<Shared>,
    target: Target,
    index: usize,
    head: request::Parts,
    body: Bytes,
}

impl Passing {
    /// On a task of its own: what has arrived is done, also when the operator does not wait for the answer.
    async fn pass(self) -> Result<Response<Reply>, Broken> {
        tokio::spawn(self.forward()).await.map_err(|_| Broken)?
    }

    async fn forward(self) -> Result<Response<Reply>, Broken> {
        let Self { shared, target, index, head, body } = self;
        let path = head.uri.path().to_owned();
        let (head, body) = send(&shared, head, body).await?;
        if target.verb == Verb::Watch && head.status.is_success() {
            shared.record.end(index, head.status.as_u16(), Bytes::new());
            shared.sight.opened(&target);
            return Ok(Response::from_parts(head, events::relay(shared, target, body)));
        }
        let (head, bytes) = whole(head, body).await?;
        let kept = if target.verb.is_write() { bytes.clone() } else { Bytes::new() };
        shared.record.end(index, head.status.as_u16(), kept);
        if target.verb == Verb::List && head.status.is_success() {
            let mut lists = shared.lists.lock().unwrap_or_else(PoisonError::into_inner);
            lists.entry(path).or_insert_with(|| bytes.clone());
        }
        Ok(full(head, bytes))
    }

    /// The first answer to the same question.
    async fn older(self) -> Result<Response<Reply>, Broken> {
        let lists = &self.shared.lists;
        let known = lists.lock().unwrap_or_else(PoisonError::into_inner).get(self.head.uri.path()).cloned();
        let Some(bytes) = known else { return self.pass().await };
        self.shared.record.end(self.index, 200, Bytes::new());
        let (mut head, ()) = Response::new(()).into_parts();
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(full(head, bytes))
    }
}

async fn send(
    shared: &Shared,
    mut head: request::Parts,
    body: Bytes,
) -> Result<(response::Parts, Body), Broken> {
    // The answer is read here: it comes as it is, and the connection to the API server is another one.
    for name in [header::ACCEPT_ENCODING, header::HOST, header::CONNECTION, header::CONTENT_LENGTH] {
        head.headers.remove(name);
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    head.uri = path.parse().map_err(|_| Broken)?;
    head.version = http::Version::HTTP_11;
    let sent = shared.upstream.send(Request::from_parts(head, Body::from(body.to_vec()))).await;
    let (mut head, body) = sent.map_err(|_| Broken)?.into_parts();
    for name in [header::TRANSFER_ENCODING, header::CONNECTION, header::CONTENT_LENGTH] {
        head.headers.remove(name);
    }
    head.version = http::Version::default();
    Ok((head, body))
}

async fn whole(head: response::Parts, body: Body) -> Result<(response::Parts, Bytes), Broken> {
    let bytes = body.collect().await.map_err(|_| Broken)?.to_bytes();
    Ok((head, bytes))
}

fn full(head: response::Parts, bytes: Bytes) -> Response<Reply> {
    Response::from_parts(head, Full::new(bytes).map_err(|never| match never {}).boxed_unsync())
}

/// An API server takes a watch that is too old, and says so in its first event.
fn gone() -> Response<Reply> {
    let (mut head, ()) = Response::new(()).into_parts();
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    full(head, Bytes::from_static(events::GONE.as_bytes()))
}

/// What the API server would say.
fn refusal(code: u16, retry_after: Option<u32>) -> Response<Reply> {
    let reason = match code {
        403 => "Forbidden",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "a fault of the test's", "reason": reason, "code": code});
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        head.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    full(head, Bytes::from(status.to_string()))
}
