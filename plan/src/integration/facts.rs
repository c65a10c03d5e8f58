//! What the next step of a run depends on.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::v1alpha1::{BlockedBy, EndReason};

use super::Delivery;
use crate::environment::blocked;
use crate::environment::resolve::{FoundDigest, ResolvedService};

/// How long a Job may be over before its result counts as lost: it is stored before the Job ends, but it may be
/// seen after.
pub const DELIVERY_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// What the next step of a run depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    /// Generation of the environment's spec.
    pub generation: i64,
    /// What is in the way of starting the tests; none once every dependency is ready and the image under test exists.
    pub not_ready: Option<NotReady>,
    /// The Job of this generation.
    pub job: Option<JobFacts>,
    /// The stored result of this generation.
    pub delivery: Option<Delivery>,
    /// Why the environment ends, if it does.
    pub ended: Option<EndReason>,
    /// How long things may take.
    pub limits: Limits,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until everything is ready, and then until the tests' pod runs. Zero: it can never get ready, a person has to
    /// mend something first.
    pub ready_timeout: SignedDuration,
    /// From the end of the Job until its result is seen.
    pub delivery_grace: SignedDuration,
}

impl Limits {
    /// The Fleet's `readyTimeout`, and [`DELIVERY_GRACE`].
    pub fn new(ready_timeout: SignedDuration) -> Self {
        Self { ready_timeout, delivery_grace: DELIVERY_GRACE }
    }
}

/// A service that is in the way of starting the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// The service, `local` among them.
    pub service: String,
    /// What is the matter with it.
    pub message: String,
}

impl NotReady {
    /// The first thing in the way: the image under test, then what the environment waits for.
    pub fn first(blocked_by: &[BlockedBy], under_test: &ResolvedService) -> Option<Self> {
        if !matches!(under_test.image, FoundDigest::Image(_)) {
            let wait = blocked::service(under_test, &[]);
            return Some(Self { service: under_test.name.to_string(), message: wait.message });
        }
        let wait = blocked_by.first()?;
        let service = wait.what.strip_prefix("service ").unwrap_or(&wait.what).to_owned();
        Some(Self { service, message: wait.message.clone() })
    }
}

/// The Job of a run, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFacts {
    /// Its UID.
    pub uid: String,
    /// Whether the tests' container has run at any time.
    pub started: bool,
    /// What its pod has to complain about.
    pub trouble: Option<String>,
    /// Its end.
    pub end: Option<JobEnd>,
}

/// The end of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// When.
    pub at: Timestamp,
    /// What the Job says of it.
    pub message: String,
}
