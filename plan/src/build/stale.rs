//! When an image is too old to start from: what its containers fetch and provision at each start takes too long.

use jiff::SignedDuration;
use slipway_crds::v1alpha1::LockedService;

/// A service whose image is to be built anew, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// The service.
    pub service: String,
    /// Its commit.
    pub commit: String,
    /// The commit of the ops repository.
    pub ops_commit: String,
    /// In one sentence.
    pub why: String,
}

/// The services of an environment whose last start took longer than the Fleet's `builds.staleness` for the difference.
/// One that failed says nothing of its time.
pub fn fresh(lock: &[LockedService], budget: SignedDuration) -> Vec<Fresh> {
    lock.iter().filter_map(|locked| one(locked, budget)).collect()
}

fn one(locked: &LockedService, budget: SignedDuration) -> Option<Fresh> {
    let start = locked.start.as_ref().filter(|start| start.error.is_none())?;
    let took = start.delta_seconds.filter(|took| *took > budget.as_secs())?;
    Some(Fresh {
        service: locked.service.clone(),
        commit: locked.commit.clone()?,
        ops_commit: locked.ops_commit.clone()?,
        why: format!(
            "its container took {took} s at the start for what its image lacks, more than {} s",
            budget.as_secs()
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(start: &serde_json::Value) -> Vec<Fresh> {
        let locked = json!({"service": "www", "commit": "b", "opsCommit": "y", "why": "trunk", "ready": true, "start": start});
        fresh(&[serde_json::from_value(locked).unwrap()], SignedDuration::from_secs(120))
    }

    #[test]
    fn above_the_budget_a_fresh_image_is_built() {
        let fresh = asked(&json!({"pod": "p", "deltaSeconds": 121}));
        assert_eq!((fresh[0].service.as_str(), fresh[0].ops_commit.as_str()), ("www", "y"));
        assert!(fresh[0].why.contains("121 s"), "{}", fresh[0].why);
    }

    #[test]
    fn within_the_budget_without_a_difference_or_after_a_failure_none_is() {
        for start in [json!({"pod": "p", "deltaSeconds": 120}), json!({"pod": "p"}), json!(null)] {
            assert_eq!(asked(&start), []);
        }
        assert_eq!(asked(&json!({"pod": "p", "deltaSeconds": 999, "error": "no space"})), []);
    }
}
