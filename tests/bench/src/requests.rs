//! Requests of one user, as the API server recorded them.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;
use slipway_e2e::audit::{Audit, Write};

/// User that the operator acts as.
pub const OPERATOR: &str = "operator";

/// Requests of one user in one stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Requests(Vec<Write>);

impl Requests {
    /// Of a user, after a mark of the log. The log is written behind: whoever asks waits until things are at rest.
    pub fn since(audit: &Audit, mark: usize, user: &str) -> Result<Self> {
        let all = audit.since(mark)?;
        Ok(Self(all.into_iter().filter(|one| one.user == user).collect()))
    }

    /// Those to these objects and not to their status; leases, events and reviews of rights are nobody's objects.
    pub fn writes(&self) -> Self {
        self.only(|one| is_write(one) && !one.resource.contains('/') && !is_event(one))
    }

    /// Those to objects in a namespace.
    pub fn inside(&self, namespace: &str) -> Self {
        self.only(|one| one.namespace == namespace)
    }

    /// Everything that changes something, events included.
    pub fn all_writes(&self) -> Self {
        self.only(|one| is_write(one) && !one.resource.ends_with("reviews"))
    }

    /// All but watches: a watch is one request for as long as it lasts.
    pub fn without_watches(&self) -> Self {
        self.only(|one| one.verb != "watch")
    }

    fn only(&self, wanted: impl Fn(&Write) -> bool) -> Self {
        Self(self.0.iter().filter(|one| wanted(one)).cloned().collect())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// When the last one was answered.
    pub fn last(&self) -> Option<Timestamp> {
        self.0.iter().map(|one| one.answered).max()
    }

    /// How many of each verb and kind, for people.
    pub fn told(&self) -> String {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for one in &self.0 {
            *counts.entry((one.verb.clone(), one.resource.clone())).or_default() += 1;
        }
        let told = counts.iter().map(|((verb, resource), count)| format!("{count} {verb} {resource}"));
        told.collect::<Vec<_>>().join(", ")
    }
}

fn is_write(one: &Write) -> bool {
    !["get", "list", "watch"].contains(&one.verb.as_str())
}

fn is_event(one: &Write) -> bool {
    one.resource == "events" || one.resource.ends_with("reviews")
}
