//! What is to be done when the `GitSync` itself is deleted.

use jiff::Timestamp;
use slipway_crds::v1alpha1::{GitSync, InventoryEntry};

use super::{inventory, opt_out, poll};
use crate::diff::{Owner, Step};
use crate::object::{ObjectKey, Observed};

/// The next act of a `GitSync` that is being deleted.
#[derive(Clone, Debug)]
pub enum Ending {
    /// Record objects that it made and did not record; only what is recorded is deleted.
    Record(Vec<InventoryEntry>),
    /// Delete what it made.
    Delete(Owner, Vec<Step>),
    /// Wait until these are gone.
    Wait(Vec<ObjectKey>),
    /// Let it go: nothing of it is left, or what is left is to stay.
    Release,
}

/// Whether what it made stays.
pub fn stays(sync: &GitSync, now: Timestamp) -> bool {
    !sync.spec.prune || poll::suspension(sync, now).is_some()
}

/// Deletes everything that the `GitSync` made, whatever git says and whether its server is there. With `prune: false`, and while
/// it is suspended, everything stays.
pub fn next(sync: &GitSync, observed: &[Observed], now: Timestamp) -> Ending {
    let owner = inventory::owner(sync);
    let goes = |object: &&Observed| owner.owns(object) && opt_out::of(None, Some(object)).is_none();
    let ours: Vec<&Observed> = observed.iter().filter(goes).collect();
    if ours.is_empty() || stays(sync, now) {
        return Ending::Release;
    }
    if ours.iter().any(|object| !owner.recorded.contains(object.uid())) {
        return Ending::Record(inventory::merge(sync, observed, &[], None));
    }
    let there: Vec<&&Observed> = ours.iter().filter(|object| !object.is_terminating()).collect();
    if there.is_empty() {
        return Ending::Wait(ours.iter().map(|object| object.key.clone()).collect());
    }
    let delete = |object: &&&Observed| Step::Delete { key: object.key.clone(), uid: object.uid().to_owned() };
    let steps = there.iter().map(delete).collect();
    Ending::Delete(owner, steps)
}
