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
            override_by: None,
        }
    };
    waits.into_iter().map(one).collect()
}
