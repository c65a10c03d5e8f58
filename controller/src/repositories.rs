//! What the service repositories have, as last read: environments are resolved from it without asking a server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use slipway_plan::service_name::ServiceName;

use crate::git::{Refs, Remote};

/// One service's repository as it was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Where it is, and as whom it is read.
    pub remote: Remote,
    /// Its trunk.
    pub trunk: String,
    /// What the server had when it was last read.
    pub refs: Refs,
    /// Why the last reading failed, if it did; the mirror still has what was read before.
    pub failure: Option<String>,
}

/// The repositories by namespace and service.
#[derive(Debug, Default)]
pub struct Repositories(Mutex<BTreeMap<(String, ServiceName), Repository>>);

impl Repositories {
    /// Remembers how a repository was last read.
    pub fn set(&self, namespace: &str, service: &ServiceName, repository: Repository) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((namespace.to_owned(), service.clone()), repository);
    }

    /// A service's repository, once it was read.
    pub fn get(&self, namespace: &str, service: &ServiceName) -> Option<Repository> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(namespace.to_owned(), service.clone())).cloned()
    }

    /// Forgets a repository.
    pub fn forget(&self, namespace: &str, service: &ServiceName) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&(namespace.to_owned(), service.clone()));
    }
}
