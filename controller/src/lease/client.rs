//! A client that writes only with the lease.

use std::time::Duration;

use http::{Method, Request, Response, Uri};
use kube::Client;
use kube::client::Body;

use super::Tenure;

/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// With less than this left nothing is begun.
const LEAST: Duration = Duration::from_secs(1);

/// Why a write was not sent, or not waited for.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no lease, or too little is left of it.
    #[error("this operator does not hold the lease, so it writes nothing")]
    NoLease,
    /// The API server did not answer in time.
    #[error("the API server did not answer within {0:?}")]
    Slow(Duration),
    /// The request failed.
    #[error(transparent)]
    Request(#[from] kube::Error),
}

/// The client with a fence around it: what is no read needs the lease, and is given up, here and by the API server, before
/// the lease may end.
pub fn fenced(client: Client, tenure: Tenure) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request| send(client.clone(), tenure.clone(), request));
    Client::new(service, namespace)
}

async fn send(client: Client, tenure: Tenure, request: Request<Body>) -> Result<Response<Body>, WriteError> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(client.send(request).await?);
    }
    let _writing = tenure.write().ok_or(WriteError::NoLease)?;
    let left = tenure.left(PATIENCE).filter(|left| *left >= LEAST).ok_or(WriteError::NoLease)?;
    let answered = tokio::time::timeout(left, client.send(limited(request, left))).await;
    Ok(answered.map_err(|_| WriteError::Slow(left))??)
}

/// The request with the API server's own `timeout`, after which it gives a request up.
fn limited(mut request: Request<Body>, left: Duration) -> Request<Body> {
    let uri = request.uri();
    let separator = if uri.query().is_some() { '&' } else { '?' };
    let limit = format!("{uri}{separator}timeout={}ms", left.as_millis());
    if let Ok(uri) = limit.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use kube::client::Body;

    use super::*;

    fn put(path: &str) -> Request<Body> {
        Request::builder().method(Method::PUT).uri(path).body(Body::empty()).unwrap()
    }

    fn server() -> (Client, tower_test::mock::Handle<Request<Body>, Response<Body>>) {
        let (service, handle) = tower_test::mock::pair();
        (Client::new(service, "default"), handle)
    }

    #[tokio::test]
    async fn without_the_lease_nothing_is_sent_but_reads() {
        let (client, mut handle) = server();
        let fenced = fenced(client, Tenure::none());
        let refused = fenced.send(put("/api/v1/x")).await.unwrap_err();
        assert!(format!("{refused:?}").contains("NoLease"), "{refused:?}");
        let read = tokio::spawn(async move { fenced.send(Request::new(Body::empty())).await });
        let (request, answer) = handle.next_request().await.unwrap();
        assert_eq!(request.method(), Method::GET);
        answer.send_response(Response::new(Body::empty()));
        read.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_write_is_given_up_here_and_there_before_the_lease_ends() {
        let (client, mut handle) = server();
        let tenure = Tenure::none();
        let until = Instant::now() + Duration::from_millis(1_500);
        tenure.set(Some(until));
        let fenced = fenced(client, tenure);
        let write = tokio::spawn(async move { fenced.send(put("/api/v1/x?a=b")).await });
        let (request, _never_answered) = handle.next_request().await.unwrap();
        let query = request.uri().query().unwrap();
        let limit = query.strip_prefix("a=b&timeout=").and_then(|rest| rest.strip_suffix("ms")).unwrap();
        assert!(limit.parse::<u64>().unwrap() <= 1_500, "{query}");
        let refused = write.await.unwrap().unwrap_err();
        assert!(format!("{refused:?}").contains("Slow"), "{refused:?}");
    }
}
