//! One watch of one kind: a store that is up to date before anybody is told.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::Api;
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;
use slipway_plan::integration::result;
use tokio::task::AbortHandle;
use tracing::warn;

use super::store::{Keep, Objects, Writer};

/// After how many seconds a watch is renewed: a dead one is noticed five seconds later.
const WATCH_SECONDS: u32 = 25;
/// The API server's answer to a request for which a right is missing.
const FORBIDDEN: u16 = 403;

/// Why the last request of a watch failed; nothing when it was answered.
pub type Failed = Arc<Mutex<Option<Failure>>>;

/// Why a watch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether a right is missing.
    pub is_forbidden: bool,
    /// The API server's words.
    pub message: String,
}

/// A running watch.
pub struct Started {
    /// What it sees.
    pub store: Objects,
    /// Why it failed last.
    pub failed: Failed,
    /// Ends it.
    pub task: AbortHandle,
}

/// What is kept of each object.
pub struct Kept {
    /// Drops what nobody asks for.
    forget: fn(&mut DynamicObject),
    /// How the rest is kept.
    keep: Keep,
}

/// Of objects in environments, all that they say of themselves.
pub const WHOLE: Kept = Kept { forget: forget_bulk, keep: super::observed };
/// Of objects that come from git, what was declared.
pub const DECLARED: Kept = Kept { forget: forget_said, keep: super::packed };

/// Keeps a store up to date, and tells of each object that came, changed or went.
pub fn follow(
    api: Api<DynamicObject>,
    config: watcher::Config,
    resource: ApiResource,
    kept: &Kept,
    tell: impl Fn(&DynamicObject) + Send + Sync + 'static,
) -> Started {
    let kind = resource.kind.clone();
    let (writer, store) = Writer::new(resource, kept.keep);
    let failed = Failed::default();
    let events = watcher(api, config.timeout(WATCH_SECONDS)).default_backoff().modify(kept.forget);
    let task = tokio::spawn(keep(events.into_stream(), kind, writer, failed.clone(), tell));
    Started { store, failed, task: task.abort_handle() }
}

async fn keep(
    events: impl Stream<Item = watcher::Result<watcher::Event<DynamicObject>>>,
    kind: String,
    mut writer: Writer,
    failed: Failed,
    tell: impl Fn(&DynamicObject) + Send + Sync,
) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        *failed.lock().unwrap_or_else(PoisonError::into_inner) = event.as_ref().err().map(failure);
        match event {
            Ok(event) => writer.follow(event).iter().for_each(&tell),
            Err(error) => warn!(kind, %error, "watch failed; it is renewed"),
        }
    }
}

fn failure(error: &watcher::Error) -> Failure {
    use watcher::Error;
    let status = match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchFailed(kube::Error::Api(status))
        | Error::WatchError(status) => Some(status),
        _ => None,
    };
    let message = status.map_or_else(|| error.to_string(), |status| status.message.clone());
    Failure { is_forbidden: status.is_some_and(|status| status.code == FORBIDDEN), message }
}

/// The lists of managed fields are most of an object's size; who manages it is all we need.
fn forget_fields(object: &mut DynamicObject) {
    for entry in object.metadata.managed_fields.iter_mut().flatten() {
        entry.fields_v1 = None;
    }
}

/// Of an object that came from git, nobody asks what the cluster says of it.
fn forget_said(object: &mut DynamicObject) {
    forget_fields(object);
    if let Some(fields) = object.data.as_object_mut() {
        fields.remove("status");
    }
}

/// Of a stored result, up to a mebibyte of log and JUnit files, it is the record that is needed.
fn forget_bulk(object: &mut DynamicObject) {
    forget_fields(object);
    if let Some(data) = object.data.get_mut("data").and_then(Value::as_object_mut) {
        data.retain(|key, _| key == result::RECORD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_stored_result_only_the_record_is_kept() {
        let stored = json!({"metadata": {"name": "ci-run-1"}, "data": {"result.json": "{}", "log": "long"}});
        let mut object: DynamicObject = serde_json::from_value(stored).unwrap();
        forget_bulk(&mut object);
        assert_eq!(object.data["data"], json!({"result.json": "{}"}));
    }
}
