//! What stands in the way of running an environment. What runs goes on running.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::DevEnvironmentStatus;

use super::blocked::{self, Wait};
use super::decision::{self, Act, Decision};
use super::facts::{Facts, FleetProblem};
use super::resolve::Problem;
use super::run;
use crate::object::Observed;
use crate::pull_secret::PullSecretProblem;

/// How often something that mends itself is looked at, in seconds.
const AGAIN: i64 = 5;
/// How long a run waits for what is applied together with it and may be seen after it, in seconds.
const TOGETHER: i64 = 10;

/// How long an integration run waits although only a person can mend it; none: as long as for anything.
fn patience(stalled: bool, reason: &str) -> Option<SignedDuration> {
    let comes_together =
        matches!(reason, reasons::FLEET_NOT_FOUND | reasons::UNKNOWN_SERVICE | reasons::INVALID_SPEC);
    stalled.then_some(SignedDuration::from_secs(if comes_together { TOGETHER } else { 0 }))
}

/// What stands in the way.
pub(super) struct Obstacle {
    reason: &'static str,
    message: String,
    /// Whether only a person can mend it; then a run does not wait for it for long.
    stalled: bool,
}

impl Obstacle {
    /// What is said, and that nothing is done.
    pub(super) fn decision(self, facts: &Facts<'_>, base: DevEnvironmentStatus, now: Timestamp) -> Decision {
        let Self { reason, message, stalled } = self;
        let says = if stalled { decision::stalled } else { decision::reconciling }(reason, &message);
        let (integration, run_again) =
            run::obstructed(facts, &base, self::patience(stalled, reason), &message, now);
        let wait = Wait { what: facts.identity.name.clone(), reason, message };
        let mut blocked_by = blocked::since(&base.blocked_by, vec![wait], now);
        blocked::give_up_at(&mut blocked_by, run_again.or(base.expires_at));
        let own = if stalled { base.expires_at } else { Some(decision::soon(now, AGAIN)) };
        let again = [own, run_again].into_iter().flatten().min();
        let status = DevEnvironmentStatus { blocked_by, integration, ..base };
        Decision {
            status: decision::with(status, says, facts.generation(), now),
            act: Act::Wait,
            again,
            log_of: None,
        }
    }

    /// There is no Fleet, or more than one.
    pub(super) fn fleet(problem: FleetProblem) -> Self {
        let (reason, message) = match problem {
            FleetProblem::Missing => {
                (reasons::FLEET_NOT_FOUND, "there is no Fleet in this namespace: apply one")
            }
            FleetProblem::Ambiguous => {
                (reasons::FLEET_AMBIGUOUS, "there is more than one Fleet in this namespace: keep one")
            }
        };
        Self { reason, message: message.to_owned(), stalled: true }
    }

    /// The Fleet's pull Secret cannot be used. Secrets are not watched: it is looked for again.
    pub(super) fn pull_secret(problem: &PullSecretProblem) -> Self {
        Self { reason: problem.reason(), message: problem.to_string(), stalled: false }
    }

    /// Its repositories were not read yet.
    pub(super) fn unread() -> Self {
        let message = "its repositories are being read".to_owned();
        Self { reason: reasons::PROGRESSING, message, stalled: false }
    }

    /// Its repositories were not read yet since the operator started, and more than that was said before.
    pub(super) fn unread_again(said: DevEnvironmentStatus, now: Timestamp) -> Decision {
        let again = Some(decision::soon(now, AGAIN));
        Decision { status: said, act: Act::Wait, again, log_of: None }
    }

    /// It cannot be resolved.
    pub(super) fn problem(problem: &Problem) -> Self {
        let reason = match problem {
            Problem::UnknownProfile(_) => reasons::UNKNOWN_PROFILE,
            Problem::UnknownService { .. } => reasons::UNKNOWN_SERVICE,
            Problem::Name(_) | Problem::UnusedBranch(_) | Problem::NoStores => reasons::INVALID_SPEC,
            Problem::Cycle(_) => reasons::DEPENDENCY_CYCLE,
            Problem::Manifest { .. } | Problem::NoIntegration { .. } => reasons::INVALID_MANIFEST,
            Problem::UnknownMachine(_) => reasons::UNKNOWN_MACHINE,
            Problem::Commit { unavailable, .. } => unavailable.reason,
        };
        // A git server that cannot be reached comes back by itself.
        Self { reason, message: problem.to_string(), stalled: reason != reasons::FETCH_FAILED }
    }

    /// The namespace of an earlier life is still there.
    pub(super) fn leaving(namespace: &Observed) -> Self {
        let message = format!("its namespace {} of before is still being removed", namespace.key.name);
        Self { reason: reasons::TERMINATING, message, stalled: false }
    }

    /// The namespace is somebody else's.
    pub(super) fn foreign(namespace: &Observed) -> Self {
        let name = &namespace.key.name;
        let message =
            format!("namespace {name} exists and is not ours: remove it, or rename this environment");
        Self { reason: reasons::CONFLICT, message, stalled: true }
    }

    /// No block of addresses is left.
    pub(super) fn no_addresses() -> Self {
        let message =
            "no free block is left in the Fleet's address range: enlarge it, or remove environments"
                .to_owned();
        Self { reason: reasons::ADDRESSES_EXHAUSTED, message, stalled: true }
    }
}
