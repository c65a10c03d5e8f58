//! An environment that ends: its namespace goes first, then, sooner or later, the object.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use slipway_crds::conditions::{self, Say};
use slipway_crds::v1alpha1::{DevEnvironmentStatus, EndReason, Ended, IntegrationStatus, Outcome};
use slipway_crds::{names, reasons};

use super::decision::{self, Act, Decision};
use super::facts::Facts;
use super::{life, run};
use crate::diff::{Plan, Step};
use crate::duration;
use crate::object::Observed;

/// A namespace that has not gone after this many seconds hangs.
const HANGS_AFTER: i64 = 60;

/// The environment is being deleted.
pub(super) fn deleting(facts: &Facts<'_>, now: Timestamp) -> Decision {
    let status = cleared(facts);
    match facts.namespace().filter(|found| facts.owner().owns(found)) {
        None => Decision { status, act: Act::RemoveFinalizer, again: None, log_of: None },
        Some(found) => {
            let (reason, message) = leaving(found, now);
            let says = decision::reconciling(reason, &message);
            going(decision::with(status, says, facts.generation(), now), found, now)
        }
    }
}

/// The environment has ended; the object stays with its result.
pub(super) fn ended(facts: &Facts<'_>, ended: &Ended, now: Timestamp) -> Decision {
    let expires_at = facts.before().expires_at;
    let mut status = facts.base(expires_at, now);
    status = DevEnvironmentStatus { ended: Some(ended.clone()), lock: status.lock.clone(), ..status };
    status.integration = run::cut_short(facts, ended.reason, now).or(status.integration);
    let run = status.integration.clone().filter(|run| run.generation == ended.generation);
    let (reason, told) = told(ended, run.as_ref());
    status.blocked_by.clear();
    status.lock.iter_mut().for_each(|locked| locked.ready = false);
    status.stores.iter_mut().for_each(|store| store.ready = false);
    status.services = Some(format!("0/{}", status.lock.len()));
    if let Some(found) = facts.namespace().filter(|found| facts.owner().owns(found)) {
        status.namespace = Some(facts.namespace_record());
        let (_, message) = leaving(found, now);
        let says = decision::reconciling(reason, &format!("{told}; {message}"));
        return going(decision::with(status, says, facts.generation(), now), found, now);
    }
    status.namespace = None;
    status.address_block = None;
    status.lock.iter_mut().for_each(|locked| locked.address = None);
    let says = over(ended, run.as_ref(), reason, told);
    rest(facts, decision::with(status, says, facts.generation(), now), ended, now)
}

/// The conditions once nothing is left to do: it is as it was asked to be, so nothing is said of `Ready`. A run without the
/// result that was hoped for needs a person, but for one that a person stopped.
fn over(ended: &Ended, run: Option<&IntegrationStatus>, reason: &'static str, told: String) -> Vec<Say> {
    let failed = |run: &&IntegrationStatus| matches!(run.outcome, Some(Outcome::Failed | Outcome::Error));
    let run = run.filter(failed).filter(|_| ended.reason != EndReason::Stopped);
    let stalled =
        run.map(|run| Say::yes(conditions::STALLED, reasons::INTEGRATION_FAILED, run.message.clone()));
    [Say::yes(conditions::ENDED, reason, told)].into_iter().chain(stalled).collect()
}

/// The namespace is gone: a result that was made by hand is kept for as long as the Fleet says.
fn rest(facts: &Facts<'_>, status: DevEnvironmentStatus, ended: &Ended, now: Timestamp) -> Decision {
    let keep = facts.fleet.ok().and_then(|fleet| duration::parse(&fleet.keep_results).ok());
    let keep = keep.unwrap_or(SignedDuration::from_hours(7 * 24));
    let from_git = facts.environment.labels().contains_key(names::GITSYNC);
    let removed_at = life::removed_at(ended, keep, from_git);
    let act = if removed_at.is_some_and(|at| at <= now) { Act::RemoveObject } else { Act::Wait };
    Decision { status, act, again: removed_at, log_of: None }
}

fn told(ended: &Ended, run: Option<&IntegrationStatus>) -> (&'static str, String) {
    match ended.reason {
        EndReason::Expired => {
            (reasons::EXPIRED, "its ttl is over; `slipway keep` or a changed spec starts it again".to_owned())
        }
        EndReason::Stopped => {
            (reasons::STOPPED, "it was stopped; `slipway start` starts it again".to_owned())
        }
        EndReason::Finished => {
            let outcome =
                run.and_then(|run| run.outcome.map(|outcome| format!(" as {outcome:?}: {}", run.message)));
            (reasons::FINISHED, format!("its integration run ended{}", outcome.unwrap_or_default()))
        }
    }
}

fn cleared(facts: &Facts<'_>) -> DevEnvironmentStatus {
    let status = facts.before();
    DevEnvironmentStatus { blocked_by: Vec::new(), observed_generation: Some(facts.generation()), ..status }
}

/// Deletes the namespace by its UID, unless that was asked for before.
fn going(status: DevEnvironmentStatus, found: &Observed, now: Timestamp) -> Decision {
    let act = if found.is_terminating() {
        Act::Wait
    } else {
        let step = Step::Delete { key: found.key.clone(), uid: found.uid().to_owned() };
        Act::Apply(Plan { steps: vec![step], conflicts: Vec::new() })
    };
    Decision { status, act, again: Some(decision::soon(now, 15)), log_of: None }
}

/// What is said while a namespace goes: when it hangs, what Kubernetes says is in the way.
fn leaving(found: &Observed, now: Timestamp) -> (&'static str, String) {
    let since: Option<Timestamp> =
        found.body["metadata"]["deletionTimestamp"].as_str().and_then(|text| text.parse().ok());
    let hangs = since.is_some_and(|since| now.duration_since(since).as_secs() >= HANGS_AFTER);
    if !hangs {
        return (reasons::TERMINATING, format!("its namespace {} is being removed", found.key.name));
    }
    let conditions = found.body["status"]["conditions"].as_array();
    let why: Vec<_> = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition["status"] == "True")
        .filter_map(|condition| condition["message"].as_str())
        .collect();
    let why = if why.is_empty() { "Kubernetes does not say why".to_owned() } else { why.join("; ") };
    let message = format!(
        "its namespace {} has not gone for over a minute: {why}; remove what holds it, or its finalizers",
        found.key.name
    );
    (reasons::NAMESPACE_HANGS, message)
}
