//! Asks for a look at a repository now, without writing anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::mpsc::UnboundedSender;
use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};

/// Asks for looks. Clones share what was asked.
#[derive(Clone, Debug)]
pub struct Wake {
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
    syncs: UnboundedSender<ObjectRef<GitSync>>,
    repos: UnboundedSender<ObjectRef<ServiceRepo>>,
}

impl Wake {
    /// Asks through the controllers of both kinds, which make one reconcile of any number of requests that wait.
    pub fn new(
        syncs: UnboundedSender<ObjectRef<GitSync>>,
        repos: UnboundedSender<ObjectRef<ServiceRepo>>,
    ) -> Self {
        Self { asked: Arc::default(), syncs, repos }
    }

    /// Asks a `GitSync` to look.
    pub fn sync(&self, sync: &GitSync) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked.entry(sync.uid().unwrap_or_default()).or_default() += 1;
        // An error means that the controller is shutting down.
        let _ = self.syncs.unbounded_send(ObjectRef::from_obj(sync));
    }

    /// Asks a `ServiceRepo` to look: it does at every reconcile.
    pub fn repo(&self, repo: &ServiceRepo) {
        let _ = self.repos.unbounded_send(ObjectRef::from_obj(repo));
    }

    /// How often a `GitSync` was asked. What is asked during a look is asked of the next one.
    pub fn count(&self, uid: &str) -> u64 {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(uid).copied().unwrap_or_default()
    }

    /// Forgets a `GitSync` that is gone.
    pub fn forget(&self, uid: &str) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
