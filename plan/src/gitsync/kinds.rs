//! The kinds that a `GitSync` may apply.

use std::collections::{BTreeMap, BTreeSet};

use slipway_crds::v1alpha1::{GitSync, GitSyncSpec};
use slipway_crds::{GROUP, VERSION};

use super::kind::OWN;
use super::kind_name::KindName;

/// The kinds that a `GitSync` may apply; of some it is known why they cannot be applied although they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds(BTreeMap<KindName, Option<String>>);

impl Kinds {
    /// Slipway's own: what may come from git when nothing else is said.
    pub fn own() -> Self {
        Self(OWN.iter().map(|kind| (own(kind), None)).collect())
    }

    /// What a spec allows.
    pub fn of(spec: &GitSyncSpec) -> Self {
        let listed = |kinds: &Vec<_>| Self(kinds.iter().map(|kind| (KindName::from(kind), None)).collect());
        spec.allowed_kinds.as_ref().map_or_else(Self::own, listed)
    }

    /// Those that are not Slipway's.
    pub fn foreign(&self) -> BTreeSet<KindName> {
        self.0.keys().filter(|name| !is_own(name)).cloned().collect()
    }

    /// This one cannot be applied, for this reason.
    pub fn refuse(&mut self, name: &KindName, why: String) {
        if let Some(refused) = self.0.get_mut(name) {
            *refused = Some(why);
        }
    }

    /// Why a kind is not applied; nothing when it is.
    pub fn refusal(&self, name: &KindName) -> Option<String> {
        match self.0.get(name) {
            Some(refused) => refused.clone(),
            None => Some(format!("{name} is not allowed here; allowed are {}", self.told())),
        }
    }

    fn told(&self) -> String {
        if *self == Self::own() {
            return format!("{} of {GROUP}/{VERSION}", OWN.join(", "));
        }
        self.0.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The kinds that are not Slipway's and of which a `GitSync` may have objects: what it may apply now, and what it has applied.
pub fn concerned(sync: &GitSync) -> BTreeSet<KindName> {
    let recorded = sync.status.iter().flat_map(|status| &status.inventory).map(KindName::from);
    Kinds::of(&sync.spec).foreign().into_iter().chain(recorded.filter(|name| !is_own(name))).collect()
}

/// Whether it is one of Slipway's.
pub fn is_own(name: &KindName) -> bool {
    name.api_version == format!("{GROUP}/{VERSION}") && OWN.contains(&name.kind.as_str())
}

fn own(kind: &str) -> KindName {
    KindName { api_version: format!("{GROUP}/{VERSION}"), kind: kind.to_owned() }
}
