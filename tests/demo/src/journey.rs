//! The one request that needs every service and both stores.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than `www` itself waits for the answer of the fleet.
const PATIENCE: Duration = Duration::from_secs(20);

/// What `www` answers: `api` put it on the queue, `dispatch` took it from there, asked `eta` and stored it, and the
/// minutes were read back from the store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Journey {
    /// Where it starts.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Its name in the store.
    pub id: String,
    /// How long it takes.
    pub minutes: u32,
}

/// Asks for the way from the harbour to the station through nginx. An error says what `www` answered instead.
pub async fn travel(www: SocketAddr) -> Result<Journey> {
    let body = get(www, "/journey?from=harbour&to=station").await?;
    serde_json::from_str(&body).with_context(|| format!("www answered {body:?}"))
}

/// Like [`travel`], again and again until it works or `patience` ends: a node learns of new addresses a moment after the
/// services behind them are ready.
pub async fn travel_within(www: SocketAddr, patience: Duration) -> Result<Journey> {
    let end = Instant::now() + patience;
    loop {
        let outcome = travel(www).await;
        if outcome.is_ok() || Instant::now() > end {
            return outcome;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Body of a page of a service; an error when it is not 200.
pub async fn get(service: SocketAddr, path: &str) -> Result<String> {
    let answer = tokio::time::timeout(PATIENCE, exchange(service, path)).await;
    let answer =
        answer.with_context(|| format!("{service} did not answer {path} in {} s", PATIENCE.as_secs()))??;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.contains(" 200 "), "{path} was answered with {status}: {}", body.trim());
    Ok(body.to_owned())
}

/// HTTP 1.0: the answer ends with the connection.
async fn exchange(service: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(service).await.with_context(|| format!("{service} refuses"))?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: www\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
