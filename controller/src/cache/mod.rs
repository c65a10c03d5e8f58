//! What the API server last showed of the objects in environments, kept by watches.

mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::DynamicObject;
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _, discovery::ApiResource};
use serde_json::Value;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::object::{ObjectKey, Observed};
use tracing::warn;

pub use written::Written;

/// Asks for a reconcile of the environment that an object belongs to.
pub type Trigger = UnboundedSender<ObjectRef<DevEnvironment>>;

/// After how many seconds a watch is renewed: a dead one is noticed five seconds later.
const WATCH_SECONDS: u32 = 25;

/// The kinds of objects that environments are made of, the most important for a person first.
pub fn kinds() -> Vec<ApiResource> {
    use k8s_openapi::api::{apps::v1 as apps, batch::v1 as batch, core::v1 as core};
    vec![
        ApiResource::erase::<core::Namespace>(&()),
        ApiResource::erase::<core::Service>(&()),
        ApiResource::erase::<apps::StatefulSet>(&()),
        ApiResource::erase::<apps::Deployment>(&()),
        ApiResource::erase::<batch::CronJob>(&()),
        ApiResource::erase::<batch::Job>(&()),
        ApiResource::erase::<core::Pod>(&()),
        ApiResource::erase::<core::ConfigMap>(&()),
    ]
}

/// The resource of a kind that environments are made of.
pub fn resource(kind: &str) -> Option<ApiResource> {
    kinds().into_iter().find(|resource| resource.kind == kind)
}

/// Everything that carries an environment's label.
#[derive(Clone)]
pub struct Cache {
    stores: Arc<BTreeMap<String, Store<DynamicObject>>>,
    /// What we wrote and have not seen come back.
    pub written: Written,
}

impl Cache {
    /// Starts a watch for each kind; each change asks for a reconcile of its environment.
    pub fn start(client: &Client, trigger: &Trigger) -> Self {
        let stores = kinds().into_iter().map(|resource| {
            let kind = resource.kind.clone();
            (kind, watch(client.clone(), resource, trigger.clone()))
        });
        Self { stores: Arc::new(stores.collect()), written: Written::default() }
    }

    /// Waits until every kind has been listed once.
    pub async fn ready(&self) {
        for store in self.stores.values() {
            // An error means that the process is shutting down.
            let _ = store.wait_until_ready().await;
        }
    }

    /// The environment's objects: its namespace, what is in it, and its results beside its own object.
    /// None while the cache is older than what we wrote for it.
    pub fn of_environment(&self, fleet_namespace: &str, name: &str) -> Option<Vec<Observed>> {
        let belongs = |object: &DynamicObject| {
            let labels = object.labels();
            labels.get(names::ENVIRONMENT).is_some_and(|label| label == name)
                && labels.get(names::FLEET_NAMESPACE).is_some_and(|label| label == fleet_namespace)
        };
        let found: Vec<Observed> = kinds()
            .iter()
            .filter_map(|resource| self.stores.get(&resource.kind).map(|store| (resource, store)))
            .flat_map(|(resource, store)| {
                let objects = store.state_filter(|object| belongs(object));
                objects.into_iter().map(|object| observed(resource, &object)).collect::<Vec<_>>()
            })
            .collect();
        self.written.is_settled(&environment_key(fleet_namespace, name), &found).then_some(found)
    }
}

/// What [`Written`] knows an environment by.
pub fn environment_key(fleet_namespace: &str, name: &str) -> String {
    format!("{fleet_namespace}/{name}")
}

/// A live object as a value.
pub fn observed(resource: &ApiResource, object: &DynamicObject) -> Observed {
    let key = ObjectKey {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
        namespace: object.namespace(),
        name: object.name_any(),
    };
    let mut body = object.data.clone();
    body["apiVersion"] = Value::from(resource.api_version.clone());
    body["kind"] = Value::from(resource.kind.clone());
    body["metadata"] = serde_json::to_value(&object.metadata).unwrap_or_default();
    Observed { key, body }
}

fn watch(client: Client, resource: ApiResource, trigger: Trigger) -> Store<DynamicObject> {
    let writer = Writer::new(resource.clone());
    let reader = writer.as_reader();
    let api: Api<DynamicObject> = Api::all_with(client, &resource);
    let config = watcher::Config::default().labels(names::ENVIRONMENT).timeout(WATCH_SECONDS);
    tokio::spawn(follow(api, config, resource, writer, trigger));
    reader
}

async fn follow(
    api: Api<DynamicObject>,
    config: watcher::Config,
    resource: ApiResource,
    mut writer: Writer<DynamicObject>,
    trigger: Trigger,
) {
    let events = watcher(api, config).default_backoff().modify(forget_field_lists);
    let mut events = std::pin::pin!(events.into_stream());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                writer.apply_watcher_event(&event);
                announce(&event, &writer, &trigger);
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

fn announce(event: &watcher::Event<DynamicObject>, writer: &Writer<DynamicObject>, trigger: &Trigger) {
    match event {
        watcher::Event::Apply(object) | watcher::Event::Delete(object) => ask(object, trigger),
        // After a new list nobody knows what was missed.
        watcher::Event::InitDone => writer.as_reader().state().iter().for_each(|object| ask(object, trigger)),
        watcher::Event::Init | watcher::Event::InitApply(_) => {}
    }
}

fn ask(object: &DynamicObject, trigger: &Trigger) {
    let labels = object.labels();
    if let (Some(name), Some(namespace)) = (labels.get(names::ENVIRONMENT), labels.get(names::FLEET_NAMESPACE)) {
        // An error means that the controller is shutting down.
        let _ = trigger.unbounded_send(ObjectRef::new(name).within(namespace));
    }
}
