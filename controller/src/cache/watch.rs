//! One watch of one kind: a store that is up to date before anybody is told.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::Api;
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use kube::runtime::reflector::{Store, store::Writer};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;
use slipway_plan::integration::result;
use tokio::task::AbortHandle;
use tracing::warn;

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
    pub store: Store<DynamicObject>,
    /// Why it failed last.
    pub failed: Failed,
    /// Ends it.
    pub task: AbortHandle,
}

/// Keeps a store up to date for good, and tells of each object that came, changed or went.
pub fn start(
    api: Api<DynamicObject>,
    config: watcher::Config,
    resource: ApiResource,
    tell: impl Fn(&DynamicObject) + Send + Sync + 'static,
) -> Store<DynamicObject> {
    follow(api, config, resource, forget_bulk, tell).store
}

/// The same, with a say in what of each object is not kept; it can be ended, and its failures are seen.
pub fn follow(
    api: Api<DynamicObject>,
    config: watcher::Config,
    resource: ApiResource,
    forget: fn(&mut DynamicObject),
    tell: impl Fn(&DynamicObject) + Send + Sync + 'static,
) -> Started {
    let writer = Writer::new(resource.clone());
    let store = writer.as_reader();
    let failed = Failed::default();
    let events = watcher(api, config.timeout(WATCH_SECONDS)).default_backoff().modify(forget);
    let task = tokio::spawn(keep(events.into_stream(), resource.kind, writer, failed.clone(), tell));
    Started { store, failed, task: task.abort_handle() }
}

async fn keep(
    events: impl Stream<Item = watcher::Result<watcher::Event<DynamicObject>>>,
    kind: String,
    mut writer: Writer<DynamicObject>,
    failed: Failed,
    tell: impl Fn(&DynamicObject) + Send + Sync,
) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        *failed.lock().unwrap_or_else(PoisonError::into_inner) = event.as_ref().err().map(failure);
        match event {
            Ok(event) => {
                writer.apply_watcher_event(&event);
                announce(&event, &writer, &tell);
            }
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
pub fn forget_said(object: &mut DynamicObject) {
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

fn announce(
    event: &watcher::Event<DynamicObject>,
    writer: &Writer<DynamicObject>,
    tell: &impl Fn(&DynamicObject),
) {
    match event {
        watcher::Event::Apply(object) | watcher::Event::Delete(object) => tell(object),
        // After a new list nobody knows what was missed.
        watcher::Event::InitDone => writer.as_reader().state().iter().for_each(|object| tell(object)),
        watcher::Event::Init | watcher::Event::InitApply(_) => {}
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
