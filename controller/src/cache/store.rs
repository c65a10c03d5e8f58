//! What a watch shows, kept as the values that decisions are made from: they are made once, when an object comes, and every
//! look at them shares them.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use kube::runtime::watcher::Event;
use serde_json::Value;
use slipway_plan::object::Observed;
use tokio::sync::watch;

/// Objects by namespace and name.
type Found = BTreeMap<(Option<String>, String), Observed>;

/// The objects of one kind. Clones show the same.
#[derive(Clone, Debug)]
pub struct Objects {
    found: Arc<RwLock<Found>>,
    listed: watch::Receiver<bool>,
}

impl Objects {
    /// Waits until they were listed once, or nobody lists them any more.
    pub async fn listed(&self) {
        // An error means that the watch has ended.
        let _ = self.listed.clone().wait_for(|listed| *listed).await;
    }

    /// Those that are wanted.
    pub fn matching(&self, wanted: impl Fn(&Observed) -> bool) -> Vec<Observed> {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        found.values().filter(|object| wanted(object)).cloned().collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Observed> {
        self.matching(|_| true)
    }
}

/// How an object is kept: [`super::observed`] or [`super::packed`].
pub type Keep = fn(&ApiResource, &DynamicObject) -> Observed;

/// Keeps [`Objects`] as a watch shows them.
pub struct Writer {
    resource: ApiResource,
    keep: Keep,
    found: Arc<RwLock<Found>>,
    listed: watch::Sender<bool>,
    /// A list that is not complete yet, and what is told of it then.
    listing: Found,
    news: Vec<DynamicObject>,
}

impl Writer {
    /// For objects of a kind; there are none yet.
    pub fn new(resource: ApiResource, keep: Keep) -> (Self, Objects) {
        let found = Arc::<RwLock<Found>>::default();
        let (listed, is_listed) = watch::channel(false);
        let objects = Objects { found: found.clone(), listed: is_listed };
        (Self { resource, keep, found, listed, listing: Found::default(), news: Vec::new() }, objects)
    }

    /// Keeps what an event shows. Returns the objects of which is to be told now; after a new list nobody knows what was
    /// missed, so they are all, without their fields.
    pub fn follow(&mut self, event: Event<DynamicObject>) -> Vec<DynamicObject> {
        match event {
            Event::Apply(object) => {
                let kept = (self.keep)(&self.resource, &object);
                self.change(|found| drop(found.insert(place(&object), kept)));
                vec![object]
            }
            Event::Delete(object) => {
                self.change(|found| drop(found.remove(&place(&object))));
                vec![object]
            }
            Event::Init => {
                self.listing.clear();
                self.news.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listing.insert(place(&object), (self.keep)(&self.resource, &object));
                self.news.push(DynamicObject { data: Value::Null, ..object });
                Vec::new()
            }
            Event::InitDone => {
                let all = mem::take(&mut self.listing);
                self.change(|found| *found = all);
                self.listed.send_replace(true);
                mem::take(&mut self.news)
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Found)) {
        change(&mut self.found.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn place(object: &DynamicObject) -> (Option<String>, String) {
    (object.namespace(), object.name_any())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, value: u8) -> DynamicObject {
        serde_json::from_value(
            json!({"metadata": {"name": name, "namespace": "a"}, "spec": {"value": value}}),
        )
        .unwrap()
    }

    fn writer() -> (Writer, Objects) {
        Writer::new(ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(&()), crate::cache::packed)
    }

    fn values(objects: &Objects) -> Vec<(String, u64)> {
        let value =
            |found: &Observed| (found.key.name.clone(), found.body["spec"]["value"].as_u64().unwrap());
        objects.all().iter().map(value).collect()
    }

    #[tokio::test]
    async fn a_list_is_shown_when_it_is_complete_and_all_of_it_is_told() {
        let (mut writer, objects) = writer();
        assert!(writer.follow(Event::Init).is_empty());
        assert!(writer.follow(Event::InitApply(object("x", 1))).is_empty());
        assert!(values(&objects).is_empty());
        assert_eq!(writer.follow(Event::InitDone).len(), 1);
        objects.listed().await;
        assert_eq!(values(&objects), [("x".to_owned(), 1)]);
    }

    #[test]
    fn what_a_new_list_has_not_is_gone() {
        let (mut writer, objects) = writer();
        writer.follow(Event::Apply(object("x", 1)));
        writer.follow(Event::Apply(object("x", 2)));
        assert_eq!(values(&objects), [("x".to_owned(), 2)]);
        writer.follow(Event::Init);
        writer.follow(Event::InitApply(object("y", 3)));
        writer.follow(Event::InitDone);
        assert_eq!(values(&objects), [("y".to_owned(), 3)]);
        writer.follow(Event::Delete(object("y", 3)));
        assert!(values(&objects).is_empty());
    }

    #[test]
    fn every_look_shares_what_is_kept() {
        let (mut writer, objects) = writer();
        writer.follow(Event::Apply(object("x", 1)));
        let (one, other) = (objects.all(), objects.all());
        assert!(std::ptr::eq(
            std::ptr::from_ref::<Value>(&one[0].body),
            std::ptr::from_ref::<Value>(&other[0].body)
        ));
    }
}
