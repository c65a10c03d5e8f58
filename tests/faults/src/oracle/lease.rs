//! I9: no write without the lease. The record of each operator has its name as the user.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use slipway_plan::lease::{HOLD, TERM};

use crate::proxy::Entry;

/// Who has the lease, as the API server knows.
struct Holder<'a> {
    user: &'a str,
    since: Instant,
    is_released: bool,
}

/// What was written without the lease, one line each; requests of all operators.
pub fn broken(entries: &[Entry]) -> Vec<String> {
    let mut writes: Vec<&Entry> = entries.iter().filter(|entry| entry.target.verb.is_write()).collect();
    writes.sort_by_key(|entry| entry.at);
    let mut holder: Option<Holder<'_>> = None;
    let mut broken = Vec::new();
    for entry in writes {
        if entry.target.resource == "leases" {
            if entry.is_done() {
                let is_released = entry.sent()["spec"]["holderIdentity"] == Value::from("");
                holder = Some(Holder { user: &entry.user, since: entry.at, is_released });
            }
        } else if let Some(what) = wrong(entry, holder.as_ref()) {
            broken.push(format!("I9: {entry} {what}"));
        }
    }
    broken
}

fn wrong(entry: &Entry, holder: Option<&Holder<'_>>) -> Option<String> {
    let Some(holder) = holder else { return Some("before anybody had the lease".to_owned()) };
    if holder.user != entry.user || holder.is_released {
        return Some(format!("while {} had the lease", holder.user));
    }
    let age = entry.at.duration_since(holder.since);
    if age > HOLD {
        return Some(format!("{age:?} after the lease was last renewed"));
    }
    match timeout(&entry.query) {
        None => Some("without a timeout".to_owned()),
        Some(timeout) if age + timeout > TERM => {
            Some(format!("with a timeout of {timeout:?}, {age:?} after the last renewal"))
        }
        Some(_) => None,
    }
}

fn timeout(query: &str) -> Option<Duration> {
    let limit = query.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    Some(Duration::from_millis(limit.strip_suffix("ms")?.parse().ok()?))
}

/// How many writes each operator has tried, those of the lease left out.
pub fn writes_by_user(entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let counted = |entry: &&Entry| entry.target.verb.is_write() && entry.target.resource != "leases";
    for entry in entries.iter().filter(counted) {
        *counts.entry(entry.user.clone()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::proxy::{Target, Verb};

    fn entry(user: &str, seconds: u64, resource: &str, query: &str, holder: &str, begin: Instant) -> Entry {
        let target = Target {
            verb: Verb::Update,
            group: String::new(),
            resource: resource.to_owned(),
            namespace: "f".to_owned(),
            name: "x".to_owned(),
        };
        Entry {
            at: begin + Duration::from_secs(seconds),
            user: user.to_owned(),
            target,
            query: query.to_owned(),
            body: json!({"spec": {"holderIdentity": holder}}).to_string().into(),
            status: Some(200),
            answer: bytes::Bytes::new(),
        }
    }

    #[test]
    fn a_write_needs_the_lease_a_fresh_one_and_a_timeout_that_ends_before_it() {
        let begin = Instant::now();
        let lease = |user: &str, at: u64, holder: &str| entry(user, at, "leases", "", holder, begin);
        let write = |user: &str, at: u64, query: &str| entry(user, at, "services", query, "", begin);
        let told = |entries: &[Entry]| broken(entries).len();
        let good = write("a", 2, "timeout=8000ms");
        assert_eq!(told(&[lease("a", 1, "a"), good.clone()]), 0);
        assert_eq!(told(std::slice::from_ref(&good)), 1, "nobody had the lease");
        assert_eq!(told(&[lease("b", 1, "b"), good.clone()]), 1, "somebody else's");
        assert_eq!(told(&[lease("a", 0, "a"), lease("a", 1, ""), good]), 1, "given back");
        assert_eq!(told(&[lease("a", 1, "a"), write("a", 12, "timeout=1000ms")]), 1, "too old");
        assert_eq!(told(&[lease("a", 1, "a"), write("a", 9, "timeout=8000ms")]), 1, "outlives the lease");
        assert_eq!(told(&[lease("a", 1, "a"), write("a", 2, "")]), 1, "no timeout");
    }
}
