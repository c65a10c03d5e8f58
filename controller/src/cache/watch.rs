//! One watch of one kind: a store that is up to date before anybody is told.

use futures::{StreamExt as _, TryStreamExt as _};
use kube::Api;
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use kube::runtime::reflector::{Store, store::Writer};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;
use slipway_plan::integration::result;
use tracing::warn;

/// After how many seconds a watch is renewed: a dead one is noticed five seconds later.
const WATCH_SECONDS: u32 = 25;

/// Keeps a store up to date, and tells of each object that came, changed or went.
pub fn start(
    api: Api<DynamicObject>,
    config: watcher::Config,
    resource: ApiResource,
    tell: impl Fn(&DynamicObject) + Send + Sync + 'static,
) -> Store<DynamicObject> {
    let writer = Writer::new(resource.clone());
    let reader = writer.as_reader();
    tokio::spawn(follow(api, config.timeout(WATCH_SECONDS), resource, writer, tell));
    reader
}

async fn follow(
    api: Api<DynamicObject>,
    config: watcher::Config,
    resource: ApiResource,
    mut writer: Writer<DynamicObject>,
    tell: impl Fn(&DynamicObject) + Send + Sync,
) {
    let events = watcher(api, config).default_backoff().modify(forget_bulk);
    let mut events = std::pin::pin!(events.into_stream());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                writer.apply_watcher_event(&event);
                announce(&event, &writer, &tell);
            }
            Err(error) => warn!(kind = resource.kind, %error, "watch failed; it is renewed"),
        }
    }
}

/// The lists of managed fields are most of an object's size; who manages it is all we need. Of a stored result, up to
/// a mebibyte of log and JUnit files, it is the record.
fn forget_bulk(object: &mut DynamicObject) {
    for entry in object.metadata.managed_fields.iter_mut().flatten() {
        entry.fields_v1 = None;
    }
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
