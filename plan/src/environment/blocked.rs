//! What an environment waits for, in the same words everywhere.

use jiff::Timestamp;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::BlockedBy;

use super::pods;
use super::resolve::{FoundDigest, ResolvedService};
use crate::object::Observed;

/// One thing that is waited for, before it is known since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What waits.
    pub what: String,
    /// One of [`reasons`].
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// Why a service is not ready; `pods` are its own.
pub fn service(service: &ResolvedService, pods: &[&Observed]) -> Wait {
    let what = format!("service {}", service.name);
    match &service.image {
        FoundDigest::Missing => {
            let message = format!(
                "image {} does not exist yet: push it, it is looked for again by itself",
                service.tag
            );
            Wait { what, reason: reasons::IMAGE_NOT_FOUND, message }
        }
        FoundDigest::Unknown(why) => {
            let message = format!("image {} could not be looked up: {why}", service.tag);
            Wait { what, reason: reasons::REGISTRY_FAILED, message }
        }
        FoundDigest::NotBuilt(why) => Wait { what, reason: why.reason, message: why.message.clone() },
        FoundDigest::Image(_) => {
            Wait { message: pods_message(service.name.as_str(), pods), what, reason: reasons::POD_NOT_READY }
        }
    }
}

/// Why the stateful pod is not ready.
pub fn local(pods: &[&Observed]) -> Wait {
    let message = pods_message("local", pods);
    Wait { what: "local".to_owned(), reason: reasons::POD_NOT_READY, message }
}

fn pods_message(name: &str, observed: &[&Observed]) -> String {
    pods::trouble(observed).unwrap_or_else(|| format!("{name} is starting"))
}

/// The waits with the time since when each lasts: what was waited for before keeps its time.
pub fn since(before: &[BlockedBy], waits: Vec<Wait>, now: Timestamp) -> Vec<BlockedBy> {
    let one = |wait: Wait| {
        let same = before.iter().find(|b| b.what == wait.what && b.reason == wait.reason);
        BlockedBy {
            since: same.map_or(now, |b| b.since),
            what: wait.what,
            reason: wait.reason.to_owned(),
            message: wait.message,
            until: None,
            override_by: override_by(wait.reason).map(str::to_owned),
        }
    };
    waits.into_iter().map(one).collect()
}

/// Who can end a wait that nothing ends by itself.
fn override_by(reason: &str) -> Option<&'static str> {
    match reason {
        reasons::IMAGE_NOT_FOUND => Some("whoever may push to the registry"),
        reasons::PULL_SECRET_NOT_FOUND | reasons::PULL_SECRET_INVALID => {
            Some("whoever may write Secrets in the Fleet's namespace")
        }
        reasons::FLEET_NOT_FOUND
        | reasons::FLEET_AMBIGUOUS
        | reasons::UNKNOWN_PROFILE
        | reasons::UNKNOWN_MACHINE
        | reasons::ADDRESSES_EXHAUSTED => Some("whoever may write the Fleet"),
        reasons::UNKNOWN_SERVICE => Some("whoever may write ServiceRepos"),
        _ => None,
    }
}

/// Says of every wait when it is given up.
pub fn give_up_at(waits: &mut [BlockedBy], until: Option<Timestamp>) {
    for wait in waits {
        wait.until = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(reason: &'static str) -> Wait {
        Wait { what: "service www".to_owned(), reason, message: "m".to_owned() }
    }

    #[test]
    fn a_wait_says_since_when_until_when_and_who_can_end_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = since(&[], vec![wait(reasons::IMAGE_NOT_FOUND)], at(0));
        assert_eq!(first[0].override_by.as_deref(), Some("whoever may push to the registry"));
        let mut later = since(&first, vec![wait(reasons::IMAGE_NOT_FOUND)], at(60));
        give_up_at(&mut later, Some(at(600)));
        assert_eq!((later[0].since, later[0].until), (at(0), Some(at(600))));
        let other = since(&later, vec![wait(reasons::POD_NOT_READY)], at(90));
        assert_eq!((other[0].since, other[0].until, other[0].override_by.as_ref()), (at(90), None, None));
    }
}
