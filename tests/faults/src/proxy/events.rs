//! The events of a watch: one JSON object a line.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::Value;
use tokio::sync::mpsc;

use super::Shared;
use super::exchange::{Broken, Reply};
use super::rule::EventFault;
use super::target::Target;

/// How long an event that waits for the next one waits at most.
const HELD: Duration = Duration::from_millis(300);
/// For how long events are lost before the watch says so.
const LOST: Duration = Duration::from_secs(1);
/// Lines under way to the operator.
const AHEAD: usize = 64;

/// What a watch says when it is too old to go on.
pub(super) const GONE: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version","reason":"Expired","code":410}}"#,
    "\n"
);

type Sender = mpsc::Sender<Result<Frame<Bytes>, Broken>>;

/// The events of a watch on their way to the operator.
pub(super) fn relay(shared: Arc<Shared>, target: Target, body: Body) -> Reply {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let relay = Relay { shared, target, sender, held: None };
    tokio::spawn(relay.run(body));
    let stream = futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|line| (line, receiver))
    });
    StreamBody::new(stream).boxed_unsync()
}

struct Relay {
    shared: Arc<Shared>,
    target: Target,
    sender: Sender,
    /// An event that waits for the next one, and what then becomes of it.
    held: Option<(Bytes, EventFault)>,
}

/// The operator is gone, or the watch is over.
struct Over;

impl Relay {
    async fn run(mut self, body: Body) {
        let mut chunks = body.into_data_stream();
        let mut buffer = BytesMut::new();
        loop {
            let wait = if self.held.is_some() { HELD } else { Duration::from_hours(1) };
            tokio::select! {
                () = self.sender.closed() => return,
                () = tokio::time::sleep(wait) => if self.let_go().await.is_err() { return },
                chunk = chunks.next() => {
                    let Some(Ok(chunk)) = chunk else { break };
                    buffer.extend_from_slice(&chunk);
                    while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                        let line = buffer.split_to(end + 1).freeze();
                        if self.line(line).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
        let _ = self.let_go().await;
    }

    async fn line(&mut self, line: Bytes) -> Result<(), Over> {
        let event: Value = serde_json::from_slice(&line).unwrap_or_default();
        let object = about(&self.target, &event);
        // Bookmarks are about no object.
        let fault = if event["type"] == "BOOKMARK" { None } else { self.shared.rules.event(&object) };
        match self.held.take() {
            Some((held, EventFault::Reorder)) => {
                self.send(line).await?;
                return self.send(held).await;
            }
            Some((held, _)) => {
                let earlier: Value = serde_json::from_slice(&held).unwrap_or_default();
                if earlier["object"]["metadata"]["uid"] != event["object"]["metadata"]["uid"] {
                    self.send(held).await?;
                }
            }
            None => {}
        }
        self.faulty(line, fault).await
    }

    async fn faulty(&mut self, line: Bytes, fault: Option<EventFault>) -> Result<(), Over> {
        match fault {
            None => self.send(line).await,
            Some(EventFault::Drop) => Ok(()),
            Some(EventFault::Duplicate) => {
                self.send(line.clone()).await?;
                self.send(line).await
            }
            Some(fault @ (EventFault::Reorder | EventFault::Coalesce)) => {
                self.held = Some((line, fault));
                Ok(())
            }
            Some(EventFault::Delay(time)) => {
                let shared = self.shared.clone();
                let _held = shared.sight.hold();
                tokio::time::sleep(time).await;
                self.send(line).await
            }
            Some(EventFault::Cut) => {
                self.shared.sight.broken(&self.target);
                self.send(line.slice(..line.len() / 2)).await?;
                let _ = self.sender.send(Err(Broken)).await;
                Err(Over)
            }
            Some(EventFault::Lose) => {
                self.shared.sight.broken(&self.target);
                tokio::time::sleep(LOST).await;
                self.send(Bytes::from_static(GONE.as_bytes())).await?;
                Err(Over)
            }
            Some(EventFault::Silence) => {
                self.sender.closed().await;
                Err(Over)
            }
        }
    }

    async fn let_go(&mut self) -> Result<(), Over> {
        match self.held.take() {
            Some((line, _)) => self.send(line).await,
            None => Ok(()),
        }
    }

    async fn send(&self, line: Bytes) -> Result<(), Over> {
        self.sender.send(Ok(Frame::data(line))).await.map_err(|_| Over)
    }
}

/// A watch's target with the namespace and name of the event's object.
fn about(watch: &Target, event: &Value) -> Target {
    let text = |field: &str| event["object"]["metadata"][field].as_str().unwrap_or_default().to_owned();
    Target { namespace: text("namespace"), name: text("name"), ..watch.clone() }
}
