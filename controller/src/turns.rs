//! Whose turn it is to build, before statuses tell of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{BuildInputs, ServiceBuild};

/// A turn that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Namespace of the build.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// What it is made of.
    pub inputs: BuildInputs,
}

/// Turns by the UID of their build.
pub type Given = BTreeMap<String, Turn>;

/// Turns that were given and that the watch may not show yet: looks at several builds go on at once.
#[derive(Debug, Default)]
pub struct Turns(Mutex<Given>);

impl Turns {
    /// Decides with what was given so far; the decision says whether a turn is given.
    pub fn decide<T>(&self, build: &ServiceBuild, decide: impl FnOnce(&Given) -> (T, Option<Turn>)) -> T {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (decided, turn) = decide(&given);
        let uid = build.uid().unwrap_or_default();
        match turn {
            Some(turn) => drop(given.insert(uid, turn)),
            None => drop(given.remove(&uid)),
        }
        decided
    }
}
