//! What was made for builds: the namespace that those of a fleet share, their Jobs and pods, and their records.

use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _, discovery::ApiResource};
use slipway_crds::names;
use slipway_crds::v1alpha1::ServiceBuild;
use slipway_plan::object::Observed;

use super::{Objects, Written, kinds, watch};

/// Asks for a reconcile of the build that an object belongs to.
pub type AskBuild = UnboundedSender<ObjectRef<ServiceBuild>>;

/// Kinds of which something is made for builds.
const KINDS: [&str; 5] = ["Namespace", "NetworkPolicy", "Job", "Pod", "ConfigMap"];

/// Everything that carries the label of builds.
#[derive(Clone)]
pub struct BuildObjects {
    stores: Arc<Vec<Objects>>,
    /// What we wrote and have not seen come back.
    pub written: Written,
}

impl BuildObjects {
    /// Starts a watch for each kind; each change asks for a reconcile of its build.
    pub fn start(client: &Client, ask: &AskBuild) -> Self {
        let start = |resource: ApiResource| {
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let ask = ask.clone();
            let config = watcher::Config::default().labels(names::BUILDS);
            let told = move |object: &DynamicObject| tell(object, &ask);
            watch::follow(api, config, resource, &watch::WHOLE, told).store
        };
        let stores = kinds().into_iter().filter(|kind| KINDS.contains(&kind.kind.as_str())).map(start);
        Self { stores: Arc::new(stores.collect()), written: Written::default() }
    }

    /// Waits until every kind has been listed once.
    pub async fn ready(&self) {
        for store in self.stores.iter() {
            store.listed().await;
        }
    }

    /// What all builds of the fleet share, and what is of this build. None while the cache is older than what we wrote
    /// for it.
    pub fn of_build(&self, fleet_namespace: &str, name: &str) -> Option<Vec<Observed>> {
        let belongs = |object: &Observed| {
            object.label(names::BUILDS) == Some(fleet_namespace)
                && object.label(names::BUILD).is_none_or(|build| build == name)
        };
        let found: Vec<Observed> = self.stores.iter().flat_map(|store| store.matching(belongs)).collect();
        self.written.is_settled(&build_key(fleet_namespace, name), &found).then_some(found)
    }
}

/// What [`Written`] knows a build by.
pub fn build_key(fleet_namespace: &str, name: &str) -> String {
    format!("{fleet_namespace}/{name}")
}

fn tell(object: &DynamicObject, ask: &AskBuild) {
    let labels = object.labels();
    if let (Some(namespace), Some(name)) = (labels.get(names::BUILDS), labels.get(names::BUILD)) {
        // An error means that the controller is shutting down.
        let _ = ask.unbounded_send(ObjectRef::new(name).within(namespace));
    }
}
