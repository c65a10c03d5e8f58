//! Which objects a `GitSync` made.

use std::collections::{BTreeMap, BTreeSet};

use slipway_crds::names;
use slipway_crds::v1alpha1::{GitSync, InventoryEntry};

use super::files::Reading;
use super::opt_out;
use crate::diff::Owner;
use crate::object::{Object, ObjectKey, Observed};

/// On whose behalf a `GitSync`'s objects are made.
pub(super) fn owner(sync: &GitSync) -> Owner {
    Owner {
        uid: sync.metadata.uid.clone().unwrap_or_default(),
        manager: names::GITSYNC_MANAGER.to_owned(),
        recorded: recorded(sync).iter().map(|entry| entry.uid.clone()).collect(),
    }
}

/// Objects whose file has a mistake now: what such a file declared before stays.
pub(super) fn kept(sync: &GitSync, reading: &Reading) -> BTreeSet<ObjectKey> {
    let is_bad =
        |entry: &&InventoryEntry| entry.file.as_ref().is_some_and(|file| reading.bad_files.contains(file));
    let key = |entry: &InventoryEntry| ObjectKey {
        api_version: entry.api_version.clone(),
        kind: entry.kind.clone(),
        namespace: sync.metadata.namespace.clone(),
        name: entry.name.clone(),
    };
    let before = recorded(sync).iter().filter(is_bad).map(key);
    before.chain(reading.held.iter().cloned()).collect()
}

/// What is recorded from now on: all that is ours and still there, whether it is declared, left, or on its way out, and all
/// that was written just now. What is gone is forgotten.
pub(super) fn merge(
    sync: &GitSync,
    observed: &[Observed],
    written: &[Observed],
    reading: Option<&Reading>,
) -> Vec<InventoryEntry> {
    let owner = owner(sync);
    let ours = observed.iter().filter(|object| owner.owns(object)).chain(written);
    let by_uid: BTreeMap<&str, &Observed> = ours.map(|object| (object.uid(), object)).collect();
    let before: BTreeMap<&str, &InventoryEntry> =
        recorded(sync).iter().map(|entry| (entry.uid.as_str(), entry)).collect();
    let objects = reading.map(|reading| reading.objects.as_slice()).unwrap_or_default();
    let declared: BTreeMap<&ObjectKey, &Object> =
        objects.iter().map(|object| (&object.key, object)).collect();
    let entry = |object: &Observed| {
        let now = reading.and_then(|reading| reading.origins.get(&object.key)).cloned();
        let file = now.or_else(|| before.get(object.uid())?.file.clone());
        let opted_out = opt_out::of(declared.get(&object.key).copied(), Some(object));
        InventoryEntry { opted_out, ..entry(object, file) }
    };
    let entries: BTreeSet<InventoryEntry> = by_uid.into_values().map(entry).collect();
    entries.into_iter().collect()
}

fn recorded(sync: &GitSync) -> &[InventoryEntry] {
    sync.status.as_ref().map(|status| status.inventory.as_slice()).unwrap_or_default()
}

fn entry(object: &Observed, file: Option<String>) -> InventoryEntry {
    InventoryEntry {
        api_version: object.key.api_version.clone(),
        kind: object.key.kind.clone(),
        name: object.key.name.clone(),
        uid: object.uid().to_owned(),
        opted_out: None,
        file,
    }
}
