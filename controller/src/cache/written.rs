//! What we wrote and have not seen come back: nothing is decided on a cache that is older.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use slipway_plan::object::{ObjectKey, Observed};

/// The state in which an object was left by our last write to it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Left {
    /// It has at least this resource version.
    At(u64),
    /// The object of this UID is going or gone.
    Deleted(String),
}

/// Our last writes, by whose they were and what they were to.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<Mutex<BTreeMap<String, Writes>>>);

/// One owner's writes, and when they were made.
type Writes = BTreeMap<ObjectKey, (Left, Instant)>;

impl Written {
    /// Remembers that an object was written; a resource version that is no number is not remembered.
    pub fn applied(&self, owner: &str, key: &ObjectKey, resource_version: &str) {
        if let Ok(version) = resource_version.parse() {
            self.remember(owner, key, Left::At(version));
        }
    }

    /// Remembers that an object was deleted.
    pub fn deleted(&self, owner: &str, key: &ObjectKey, uid: &str) {
        self.remember(owner, key, Left::Deleted(uid.to_owned()));
    }

    /// Whether what is observed is as new as all that was written for this owner. What has come back is forgotten.
    pub fn is_settled(&self, owner: &str, observed: &[Observed]) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writes) = all.get_mut(owner) else { return true };
        let seen: BTreeMap<_, _> = observed.iter().map(|object| (&object.key, object)).collect();
        writes.retain(|key, (left, _)| !has_come_back(left, seen.get(key).copied()));
        let settled = writes.is_empty();
        if settled {
            all.remove(owner);
        }
        settled
    }

    /// Forgets an owner's writes that are older than this: their events were lost.
    pub fn expire(&self, owner: &str, age: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writes) = all.get_mut(owner) {
            writes.retain(|_, (_, at)| at.elapsed() < age);
        }
    }

    /// Forgets an owner's writes: its object is gone.
    pub fn forget(&self, owner: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(owner);
    }

    fn remember(&self, owner: &str, key: &ObjectKey, left: Left) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(owner.to_owned()).or_default().insert(key.clone(), (left, Instant::now()));
    }
}

fn has_come_back(left: &Left, observed: Option<&Observed>) -> bool {
    match (left, observed) {
        (Left::At(version), Some(object)) => {
            object.resource_version().parse::<u64>().is_ok_and(|seen| seen >= *version)
        }
        (Left::At(_), None) => false,
        (Left::Deleted(uid), Some(object)) => object.uid() != uid || object.is_terminating(),
        (Left::Deleted(_), None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key() -> ObjectKey {
        ObjectKey {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            namespace: Some("env".to_owned()),
            name: "www".to_owned(),
        }
    }

    fn service(version: &str, uid: &str) -> Observed {
        Observed { key: key(), body: json!({"metadata": {"resourceVersion": version, "uid": uid}}) }
    }

    #[test]
    fn an_older_view_is_not_settled() {
        let written = Written::default();
        written.applied("a", &key(), "12");
        assert!(!written.is_settled("a", &[]));
        assert!(!written.is_settled("a", &[service("11", "u")]));
        assert!(written.is_settled("b", &[]));
        assert!(written.is_settled("a", &[service("12", "u")]));
        assert!(written.is_settled("a", &[]), "once seen, a later deletion is news");
    }

    #[test]
    fn a_deleted_object_must_be_seen_to_go() {
        let written = Written::default();
        written.deleted("a", &key(), "u");
        assert!(!written.is_settled("a", &[service("12", "u")]));
        assert!(written.is_settled("a", &[service("13", "another")]));
    }
}
