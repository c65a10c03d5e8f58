//! What the service repositories have, as last read: environments are resolved from it without asking a server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use slipway_plan::environment::resolve::Unavailable;
use slipway_plan::service_name::ServiceName;

use crate::git::{Refs, Remote};

/// One service's repository as it was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its trunk.
    pub trunk: String,
    /// Where it is and what it had, once it could be read; the mirror has that, whatever happened since.
    pub read: Option<(Remote, Refs)>,
    /// Why the last reading failed, if it did.
    pub failure: Option<Unavailable>,
}

/// The repositories by namespace and service.
#[derive(Debug, Default)]
pub struct Repositories(Mutex<BTreeMap<(String, ServiceName), Repository>>);

impl Repositories {
    /// Remembers how a repository was last read; whether that differs from before.
    pub fn set(&self, namespace: &str, service: &ServiceName, repository: Repository) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert((namespace.to_owned(), service.clone()), repository.clone());
        before != Some(repository)
    }

    /// A service's repository, once it was tried to be read.
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
