//! How the containers of built services came up, as their agents tell it.

use std::collections::BTreeMap;

use slipway_crds::names;
use slipway_crds::v1alpha1::{LockedService, ServiceStart};

use crate::object::Observed;

/// What agents told since the status was last written, by service.
pub type Told = BTreeMap<String, ServiceStart>;

/// Puts the last start of each service into the lock: what is told now, or else what was recorded. A start counts only
/// while its pod is there and runs what is locked.
pub fn record(lock: &mut [LockedService], before: &[LockedService], told: &Told, observed: &[Observed]) {
    for locked in lock {
        let old = before.iter().find(|old| old.service == locked.service).and_then(|old| old.start.as_ref());
        let known = told.get(&locked.service).into_iter().chain(old);
        locked.start = known.into_iter().find(|start| is_of(start, locked, observed)).cloned();
    }
}

fn is_of(start: &ServiceStart, locked: &LockedService, observed: &[Observed]) -> bool {
    let mut pods = observed.iter().filter(|object| object.key.kind == "Pod" && !object.is_terminating());
    pods.any(|pod| {
        let annotations = &pod.body["metadata"]["annotations"];
        let is_at = |name: &str, commit: &Option<String>| annotations[name].as_str() == commit.as_deref();
        pod.uid() == start.pod
            && is_at(names::COMMIT, &locked.commit)
            && is_at(names::OPS_COMMIT, &locked.ops_commit)
    })
}

/// Whether the status says how this pod came up: only then need nobody tell it again.
pub fn is_recorded(lock: &[LockedService], service: &str, pod: &str) -> bool {
    let start = lock.iter().find(|locked| locked.service == service).and_then(|locked| locked.start.as_ref());
    start.is_some_and(|start| start.pod == pod)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::ObjectKey;

    fn start(pod: &str) -> ServiceStart {
        ServiceStart { pod: pod.to_owned(), delta_seconds: Some(3), ..ServiceStart::default() }
    }

    fn locked(commit: &str, ops: &str, start: Option<ServiceStart>) -> LockedService {
        let text =
            json!({"service": "www", "commit": commit, "opsCommit": ops, "why": "trunk", "ready": false});
        LockedService { start, ..serde_json::from_value(text).unwrap() }
    }

    fn pod(uid: &str, commit: &str, ops: &str) -> Observed {
        let key = ObjectKey {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some("env".to_owned()),
            name: uid.to_owned(),
        };
        let annotations = json!({"slipway.dev/commit": commit, "slipway.dev/ops-commit": ops});
        Observed { key, body: json!({"metadata": {"uid": uid, "annotations": annotations}}).into() }
    }

    fn recorded(
        before: Option<ServiceStart>,
        told: Option<ServiceStart>,
        pods: &[Observed],
    ) -> Option<String> {
        let mut lock = [locked("b", "y", None)];
        let told = told.map(|start| ("www".to_owned(), start)).into_iter().collect();
        record(&mut lock, &[locked("b", "y", before)], &told, pods);
        lock[0].start.as_ref().map(|start| start.pod.clone())
    }

    #[test]
    fn what_is_told_is_recorded_and_what_was_recorded_stays() {
        let pods = [pod("one", "b", "y"), pod("two", "b", "y")];
        assert_eq!(recorded(None, Some(start("one")), &pods).as_deref(), Some("one"));
        assert_eq!(recorded(Some(start("one")), None, &pods).as_deref(), Some("one"));
        assert_eq!(recorded(Some(start("one")), Some(start("two")), &pods).as_deref(), Some("two"));
    }

    #[test]
    fn a_start_of_a_pod_that_is_gone_or_runs_something_else_counts_no_more() {
        assert_eq!(recorded(Some(start("one")), None, &[]), None);
        assert_eq!(recorded(Some(start("one")), None, &[pod("one", "a", "y")]), None);
        assert_eq!(recorded(None, Some(start("one")), &[pod("one", "b", "x")]), None);
    }

    #[test]
    fn nobody_needs_to_tell_again_what_is_recorded() {
        let lock = [locked("b", "y", Some(start("one")))];
        assert!(is_recorded(&lock, "www", "one"));
        assert!(!is_recorded(&lock, "www", "two") && !is_recorded(&lock, "api", "one"));
    }
}
