//! Which objects a `GitSync` made.

use std::collections::{BTreeMap, BTreeSet};

use slipway_crds::names;
use slipway_crds::v1alpha1::{GitSync, InventoryEntry};

use crate::diff::Owner;
use crate::object::Observed;

/// On whose behalf a `GitSync`'s objects are made.
pub(super) fn owner(sync: &GitSync) -> Owner {
    let recorded = sync.status.as_ref().map(|status| status.inventory.as_slice()).unwrap_or_default();
    Owner {
        uid: sync.metadata.uid.clone().unwrap_or_default(),
        manager: names::GITSYNC_MANAGER.to_owned(),
        recorded: recorded.iter().map(|entry| entry.uid.clone()).collect(),
    }
}

/// What is recorded from now on: all that is ours and still there, whether it is declared, left, or on its way out, and all
/// that was written just now. What is gone is forgotten.
pub(super) fn merge(owner: &Owner, observed: &[Observed], written: &[Observed]) -> Vec<InventoryEntry> {
    let ours = observed.iter().filter(|object| owner.owns(object)).chain(written);
    let by_uid: BTreeMap<&str, &Observed> = ours.map(|object| (object.uid(), object)).collect();
    let entries: BTreeSet<InventoryEntry> = by_uid.into_values().map(entry).collect();
    entries.into_iter().collect()
}

fn entry(object: &Observed) -> InventoryEntry {
    InventoryEntry {
        api_version: object.key.api_version.clone(),
        kind: object.key.kind.clone(),
        name: object.key.name.clone(),
        uid: object.uid().to_owned(),
    }
}
