//! Slipway's own objects, field by field as the API server keeps them.

use std::sync::Arc;

use kube::api::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, Client};
use slipway_plan::object::Observed;

use super::{Objects, Written, watch};

/// The objects of Slipway's kinds. Beside the typed stores, because a type hides fields that it does not know and writes
/// others in its own way: what is compared with git is what is really there.
#[derive(Clone)]
pub struct OwnObjects {
    stores: Arc<Vec<Objects>>,
    /// What we wrote and have not seen come back.
    pub written: Written,
}

impl OwnObjects {
    /// Starts a watch for each kind, in one namespace or in all, and tells of each object that came, changed or went,
    /// with its kind.
    pub fn start(
        client: &Client,
        namespace: Option<&str>,
        tell: impl Fn(&str, &DynamicObject) + Clone + Send + Sync + 'static,
    ) -> Self {
        let start = |resource: kube::discovery::ApiResource| {
            let api = match namespace {
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
                None => Api::all_with(client.clone(), &resource),
            };
            let (kind, tell) = (resource.kind.clone(), tell.clone());
            let tell = move |object: &DynamicObject| tell(&kind, object);
            watch::follow(api, watcher::Config::default(), resource, &watch::DECLARED, tell).store
        };
        Self {
            stores: Arc::new(crate::own_kinds().into_iter().map(start).collect()),
            written: Written::default(),
        }
    }

    /// Waits until every kind has been listed once.
    pub async fn ready(&self) {
        for store in self.stores.iter() {
            store.listed().await;
        }
    }

    /// All of them in a namespace.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Observed> {
        let is_there = |object: &Observed| object.key.namespace.as_deref() == Some(namespace);
        self.stores.iter().flat_map(|store| store.matching(is_there)).collect()
    }
}
