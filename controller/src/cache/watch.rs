//! One watch of one kind: a store that is up to date before anybody is told.

use futures::{StreamExt as _, TryStreamExt as _};
use kube::Api;
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use kube::runtime::reflector::{Store, store::Writer};
use kube::runtime::{WatchStreamExt as _, watcher};
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
    let events = watcher(api, config).default_backoff().modify(forget_field_lists);
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

/// The lists of managed fields are most of an object's size; who manages it is all we need.
fn forget_field_lists(object: &mut DynamicObject) {
    for entry in object.metadata.managed_fields.iter_mut().flatten() {
        entry.fields_v1 = None;
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
