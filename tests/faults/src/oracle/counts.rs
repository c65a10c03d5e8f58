//! How often each object was made and removed.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::Names;
use crate::proxy::{Entry, Verb};

/// Makings and removals of each object, in general words. A second removal of the same object is none.
pub type Counts = BTreeMap<String, usize>;

/// Counts what the API server has done.
pub fn count(entries: &[Entry], names: &Names) -> Counts {
    let mut counts = Counts::new();
    let mut removed = BTreeSet::new();
    for entry in entries.iter().filter(|entry| entry.is_done() && is_counted(entry)) {
        let target = &entry.target;
        let what = names.general(&format!("{} {}/{}", target.resource, target.namespace, target.name));
        match target.verb {
            Verb::Create => *counts.entry(format!("create {what}")).or_default() += 1,
            Verb::Delete if removed.insert(uid_of_removed(entry)) => {
                *counts.entry(format!("delete {what}")).or_default() += 1;
            }
            _ => {}
        }
    }
    counts
}

/// Events come as they come, and reviews of tokens make nothing.
fn is_counted(entry: &Entry) -> bool {
    !matches!(entry.target.resource.as_str(), "events" | "tokenreviews")
}

fn uid_of_removed(entry: &Entry) -> String {
    entry.sent()["preconditions"]["uid"].to_string()
}

/// Where two counts differ, one line each.
pub fn differences(reference: &Counts, found: &Counts) -> Vec<String> {
    let keys: BTreeSet<&String> = reference.keys().chain(found.keys()).collect();
    let times = |counts: &Counts, key: &str| counts.get(key).copied().unwrap_or_default();
    keys.into_iter()
        .filter(|key| times(reference, key) != times(found, key))
        .map(|key| {
            format!("{key}: {} times, in the reference run {}", times(found, key), times(reference, key))
        })
        .collect()
}
