//! One look at an environment: what is said of it, and what is done next. Status is written before anything is done.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use slipway_crds::conditions::{self, Say};
use slipway_crds::v1alpha1::{
    DevEnvironment, DevEnvironmentStatus, FleetSpec, IntegrationStep, NamespaceRecord,
};
use slipway_crds::{names, reasons};

use super::life::{self, Life};
use super::resolve::{Problem, Resolved};
use super::starts::Told;
use super::{active, ending};
use crate::addresses::Block;
use crate::desired::Identity;
use crate::desired::integration::AgentSettings;
use crate::diff::{Owner, Plan};
use crate::duration;
use crate::object::{Observed, RenderError};
use crate::pull_secret::{PullSecret, PullSecretProblem};

/// All that the next act depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The environment.
    pub environment: &'a DevEnvironment,
    /// Its names.
    pub identity: &'a Identity,
    /// The only Fleet of its namespace.
    pub fleet: Result<&'a FleetSpec, FleetProblem>,
    /// What it runs; an environment that ends has none.
    pub resolution: Option<&'a Result<Resolved, Problem>>,
    /// Its namespace, what is in it, and its results.
    pub observed: &'a [Observed],
    /// Its block of the Fleet's address range: none is needed, or none is left.
    pub block: Result<Option<Block>, AddressesExhausted>,
    /// The Fleet's pull Secret, where it names one.
    pub pull_secret: Option<Result<&'a PullSecret, &'a PullSecretProblem>>,
    /// How the agent is run.
    pub agent: &'a AgentSettings,
    /// What was refused when the last plan was carried out.
    pub refused: Option<&'a Refusal>,
    /// How containers came up, as they told since the operator was started.
    pub starts: &'a Told,
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

/// There is no Fleet, or more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetProblem {
    /// None.
    Missing,
    /// More than one.
    Ambiguous,
}

/// No free block is left in the Fleet's address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressesExhausted;

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

/// What is said of the environment, and what is done next.
pub fn decide(facts: &Facts<'_>, now: Timestamp) -> Result<Decision, RenderError> {
    match life::next(&life_facts(facts, now), now) {
        Life::Deleting => Ok(ending::deleting(facts, now)),
        Life::Ended(ended) => Ok(ending::ended(facts, &ended, now)),
        Life::Active { expires_at } => active::decide(facts, expires_at, now),
    }
}

/// Whether the environment runs, so that it has to be resolved.
pub fn is_active(environment: &DevEnvironment, now: Timestamp) -> bool {
    matches!(life::next(&life_of(environment, now), now), Life::Active { .. })
}

fn life_facts(facts: &Facts<'_>, now: Timestamp) -> life::Facts {
    life_of(facts.environment, now)
}

fn life_of(environment: &DevEnvironment, now: Timestamp) -> life::Facts {
    let status = before(environment);
    let generation = generation(environment);
    let time = |name: &str| environment.annotations().get(name).and_then(|text| text.parse().ok());
    let finished = |run: &slipway_crds::v1alpha1::IntegrationStatus| {
        run.generation == generation && run.step == IntegrationStep::Finished
    };
    life::Facts {
        generation,
        started_at: Some(started_at(environment, &status, now)),
        ended: status.ended,
        // A ttl that is no duration is refused by the schema.
        ttl: environment.spec.ttl.as_deref().and_then(|text| duration::parse(text).ok()),
        keep_until: time(names::KEEP_UNTIL),
        stopped_at: time(names::STOPPED_AT),
        run_finished: status.integration.as_ref().is_some_and(finished),
        deleting: environment.metadata.deletion_timestamp.is_some(),
    }
}

fn started_at(environment: &DevEnvironment, status: &DevEnvironmentStatus, now: Timestamp) -> Timestamp {
    let same = status.observed_generation == Some(generation(environment));
    status.started_at.filter(|_| same).unwrap_or(now)
}

/// The generation of an object's spec.
pub fn generation(environment: &DevEnvironment) -> i64 {
    environment.metadata.generation.unwrap_or_default()
}

/// The status as it was before.
pub fn before(environment: &DevEnvironment) -> DevEnvironmentStatus {
    environment.status.clone().unwrap_or_default()
}

/// The status of an environment that is alive, before its services are looked at.
pub(super) fn base(facts: &Facts<'_>, expires_at: Option<Timestamp>, now: Timestamp) -> DevEnvironmentStatus {
    let status = before(facts.environment);
    DevEnvironmentStatus {
        started_at: Some(started_at(facts.environment, &status, now)),
        expires_at,
        ended: None,
        observed_generation: Some(generation(facts.environment)),
        last_handled_reconcile_at: facts.environment.annotations().get(names::REQUESTED_AT).cloned(),
        ..status
    }
}

/// On whose behalf the environment's objects are made.
pub fn owner(facts: &Facts<'_>) -> Owner {
    let recorded = before(facts.environment).namespace.and_then(|record| record.uid);
    Owner {
        uid: facts.identity.uid.clone(),
        manager: names::ENVIRONMENT_MANAGER.to_owned(),
        recorded: recorded.into_iter().collect::<BTreeSet<_>>(),
    }
}

/// The environment's namespace, if it is there.
pub(super) fn namespace<'a>(facts: &Facts<'a>) -> Option<&'a Observed> {
    let name = &facts.identity.namespace;
    facts.observed.iter().find(|object| object.key.kind == "Namespace" && object.key.name == *name)
}

/// The record of the namespace: its name from the start, its UID once it is known to be ours.
pub(super) fn namespace_record(facts: &Facts<'_>) -> NamespaceRecord {
    let owner = owner(facts);
    let ours = namespace(facts).filter(|found| owner.owns(found));
    NamespaceRecord { name: facts.identity.namespace.clone(), uid: ours.map(|found| found.uid().to_owned()) }
}

/// A status with these conditions.
pub(super) fn with(
    status: DevEnvironmentStatus,
    says: Vec<Say>,
    facts: &Facts<'_>,
    now: Timestamp,
) -> DevEnvironmentStatus {
    let conditions = conditions::set(&status.conditions, says, generation(facts.environment), now);
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
