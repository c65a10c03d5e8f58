//! What is said of an environment, and what is done.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::conditions::{self, Say};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::DevEnvironmentStatus;

use crate::diff::Plan;

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Nothing now.
    Wait,
    /// The plan is carried out.
    Apply(Plan),
    /// Its namespace is gone: the finalizer is removed.
    RemoveFinalizer,
    /// Its result was kept long enough: the object is deleted.
    RemoveObject,
}

/// What is said, and what is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status, written first.
    pub status: DevEnvironmentStatus,
    /// Then this.
    pub act: Act,
    /// When to look again without being asked.
    pub again: Option<Timestamp>,
    /// A service whose last log lines belong into `status.integration.message`.
    pub log_of: Option<String>,
}

/// Why the last plan could not be carried out in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An object of that name exists and is somebody else's.
    Conflict(String),
    /// The API server did not take an object.
    Refused(String),
}

impl Refusal {
    /// The conditions that tell of it.
    pub(super) fn says(&self) -> Vec<Say> {
        match self {
            Self::Conflict(message) => {
                let mut says = stalled(reasons::CONFLICT, message);
                says.push(Say::yes(conditions::CONFLICT, reasons::CONFLICT, message));
                says
            }
            Self::Refused(message) => reconciling(reasons::APPLY_FAILED, message),
        }
    }
}

/// A status with these conditions.
pub(super) fn with(
    status: DevEnvironmentStatus,
    says: Vec<Say>,
    generation: i64,
    now: Timestamp,
) -> DevEnvironmentStatus {
    let conditions = conditions::set(&status.conditions, says, generation, now);
    DevEnvironmentStatus { conditions, ..status }
}

/// The conditions of something that only a person can mend.
pub(super) fn stalled(reason: &'static str, message: &str) -> Vec<Say> {
    vec![Say::no(conditions::READY, reason, message), Say::yes(conditions::STALLED, reason, message)]
}

/// The conditions of something that is under way or will be tried again.
pub(super) fn reconciling(reason: &'static str, message: &str) -> Vec<Say> {
    vec![Say::no(conditions::READY, reason, message), Say::yes(conditions::RECONCILING, reason, message)]
}

/// A little later than now.
pub(super) fn soon(now: Timestamp, seconds: i64) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
