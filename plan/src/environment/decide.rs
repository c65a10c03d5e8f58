//! One look at an environment: what is said of it, and what is done next. Status is written before anything is done.

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, IntegrationStep};

use super::life::{self, Life};
use super::{active, ending, facts};
use crate::duration;
use crate::object::RenderError;

pub use super::decision::{Act, Decision, Refusal};
pub use super::facts::{AddressesExhausted, Facts, FleetProblem};

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
    let status = facts::before(environment);
    let generation = facts::generation(environment);
    let time = |name: &str| environment.annotations().get(name).and_then(|text| text.parse().ok());
    let finished = |run: &slipway_crds::v1alpha1::IntegrationStatus| {
        run.generation == generation && run.step == IntegrationStep::Finished
    };
    life::Facts {
        generation,
        started_at: Some(facts::started_at(environment, &status, now)),
        ended: status.ended,
        // A ttl that is no duration is refused by the schema.
        ttl: environment.spec.ttl.as_deref().and_then(|text| duration::parse(text).ok()),
        keep_until: time(names::KEEP_UNTIL),
        stopped_at: time(names::STOPPED_AT),
        run_finished: status.integration.as_ref().is_some_and(finished),
        deleting: environment.metadata.deletion_timestamp.is_some(),
    }
}
