//! What a Fleet says of an ops commit that is not the default yet.

use slipway_crds::v1alpha1::{OpsCandidate, OpsTrial, TrialPhase};

use super::OpsState;
use super::next::named;

/// Services that are named in one message.
const NAMED: usize = 3;

/// Why the newest commit is not the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whether a service failed, so that a person is needed; else it is still tried.
    pub failed: bool,
    /// In one sentence.
    pub message: String,
}

/// Why the newest commit is not the default; None when it is.
pub fn held(state: &OpsState) -> Option<Held> {
    let candidate = state.candidate.as_ref()?;
    let failed: Vec<&OpsTrial> = of(candidate, TrialPhase::Failed).collect();
    let what = if failed.is_empty() {
        trying(candidate)
    } else {
        let told =
            failed.iter().take(NAMED).map(|trial| format!("service {}: {}", trial.service, trial.message));
        let told = told.collect::<Vec<_>>().join("; ");
        match failed.len().saturating_sub(NAMED) {
            0 => format!(": {told}"),
            more => format!(": {told}; and {more} more"),
        }
    };
    let (commit, stays) = (named(Some(&candidate.commit)), named(state.accepted.as_deref()));
    let message = format!("ops commit {commit}{what}; environments stay at {stays}");
    Some(Held { failed: !failed.is_empty(), message })
}

fn of(candidate: &OpsCandidate, phase: TrialPhase) -> impl Iterator<Item = &OpsTrial> {
    candidate.trials.iter().filter(move |trial| trial.phase == phase)
}

fn trying(candidate: &OpsCandidate) -> String {
    let (passed, all) = (of(candidate, TrialPhase::Passed).count(), candidate.trials.len());
    let waits = candidate.trials.iter().filter_map(trouble).take(NAMED);
    format!(" is tried: {passed} of {all} services are built{}", waits.collect::<String>())
}

/// Why a service is not even being built.
fn trouble(trial: &OpsTrial) -> Option<String> {
    let OpsTrial { service, message, .. } = trial;
    match (trial.phase, &trial.build) {
        (TrialPhase::Error, _) => {
            Some(format!("; service {service} could not be built, it is tried again: {message}"))
        }
        (TrialPhase::Waiting, None) => Some(format!("; service {service} waits: {message}")),
        _ => None,
    }
}
