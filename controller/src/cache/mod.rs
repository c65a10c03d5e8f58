//! What the API server last showed of the objects in environments, kept by watches.

mod builds;
mod foreign;
mod own;
mod store;
mod watch;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _, discovery::ApiResource};
use serde_json::Value;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::object::{Body, ObjectKey, Observed};

pub use builds::{AskBuild, BuildObjects, build_key};
pub use foreign::{ForeignObjects, Known, Unseen};
pub use own::OwnObjects;
pub use store::Objects;
pub use written::Written;

/// Asks for a reconcile of the environment that an object belongs to.
pub type Trigger = UnboundedSender<ObjectRef<DevEnvironment>>;

/// The kinds of objects that environments are made of, the most important for a person first.
pub fn kinds() -> Vec<ApiResource> {
    use k8s_openapi::api::{
        apps::v1 as apps, batch::v1 as batch, core::v1 as core, networking::v1 as networking,
    };
    vec![
        ApiResource::erase::<core::Namespace>(&()),
        ApiResource::erase::<core::Service>(&()),
        ApiResource::erase::<apps::StatefulSet>(&()),
        ApiResource::erase::<apps::Deployment>(&()),
        ApiResource::erase::<batch::CronJob>(&()),
        ApiResource::erase::<batch::Job>(&()),
        ApiResource::erase::<core::Pod>(&()),
        ApiResource::erase::<core::ConfigMap>(&()),
        ApiResource::erase::<networking::NetworkPolicy>(&()),
    ]
}

/// The resource of a kind that environments are made of.
pub fn resource(kind: &str) -> Option<ApiResource> {
    kinds().into_iter().find(|resource| resource.kind == kind)
}

/// Everything that carries an environment's label.
#[derive(Clone)]
pub struct Cache {
    stores: Arc<BTreeMap<String, Objects>>,
    /// What we wrote and have not seen come back.
    pub written: Written,
}

impl Cache {
    /// Starts a watch for each kind; each change asks for a reconcile of its environment.
    pub fn start(client: &Client, trigger: &Trigger) -> Self {
        let stores = kinds().into_iter().map(|resource| {
            let kind = resource.kind.clone();
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let config = watcher::Config::default().labels(names::ENVIRONMENT);
            let trigger = trigger.clone();
            let tell = move |object: &DynamicObject| ask(object, &trigger);
            (kind, watch::follow(api, config, resource, &watch::WHOLE, tell).store)
        });
        Self { stores: Arc::new(stores.collect()), written: Written::default() }
    }

    /// Waits until every kind has been listed once.
    pub async fn ready(&self) {
        for store in self.stores.values() {
            store.listed().await;
        }
    }

    /// The environment's objects: its namespace, what is in it, and its results beside its own object.
    /// None while the cache is older than what we wrote for it.
    pub fn of_environment(&self, fleet_namespace: &str, name: &str) -> Option<Vec<Observed>> {
        let belongs = |object: &Observed| {
            object.label(names::ENVIRONMENT) == Some(name)
                && object.label(names::FLEET_NAMESPACE) == Some(fleet_namespace)
        };
        let stores = kinds().into_iter().filter_map(|resource| self.stores.get(&resource.kind));
        let found: Vec<Observed> = stores.flat_map(|store| store.matching(belongs)).collect();
        self.written.is_settled(&environment_key(fleet_namespace, name), &found).then_some(found)
    }
}

/// What [`Written`] knows an environment by.
pub fn environment_key(fleet_namespace: &str, name: &str) -> String {
    format!("{fleet_namespace}/{name}")
}

/// A live object as a value of which little is asked: thousands of them are kept.
pub fn packed(resource: &ApiResource, object: &DynamicObject) -> Observed {
    let Observed { key, body } = observed(resource, object);
    Observed { key, body: Body::packed(&body) }
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
    Observed { key, body: body.into() }
}

fn ask(object: &DynamicObject, trigger: &Trigger) {
    let labels = object.labels();
    if let (Some(name), Some(namespace)) =
        (labels.get(names::ENVIRONMENT), labels.get(names::FLEET_NAMESPACE))
    {
        // An error means that the controller is shutting down.
        let _ = trigger.unbounded_send(ObjectRef::new(name).within(namespace));
    }
}
