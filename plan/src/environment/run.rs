//! The integration run of an environment: its next step, and the Job it wants.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use slipway_crds::conditions::{self, Say};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{
    DevEnvironmentStatus, EndReason, FleetSpec, IntegrationStatus, IntegrationStep, Machine,
};

use super::facts::Facts;
use crate::desired::{Desired, Inputs, integration as job};
use crate::duration;
use crate::integration::{self, Delivery, Limits, Next, NotReady, RunFacts};
use crate::object::RenderError;

/// What the run wants of the reconcile.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// When to look again.
    pub(super) again: Option<Timestamp>,
    /// When its dependencies are given up that are not ready.
    pub(super) given_up: Option<Timestamp>,
    /// Whose last log lines belong into its message.
    pub(super) log_of: Option<String>,
}

/// The run's next step, in an environment whose standing is `status`: it is put there, and the Job among what is
/// desired. Nothing, where the environment has no run.
pub(super) fn decide(
    facts: &Facts<'_>,
    inputs: &Inputs<'_>,
    machine: &Machine,
    status: &mut DevEnvironmentStatus,
    desired: &mut Desired,
    now: Timestamp,
) -> Result<Wanted, RenderError> {
    let Some(under_test) = &inputs.resolved.under_test else { return Ok(Wanted::default()) };
    let not_ready = NotReady::first(&status.blocked_by, under_test);
    let run = run_facts(facts, Some(inputs.fleet), not_ready, None);
    let Next { status: next, log_of, again_at } = integration::next(status.integration.as_ref(), &run, now);
    job::build_run(inputs, &next, machine, desired)?;
    // The Job of a run that is over goes with the namespace.
    desired.kept.insert(job::key(facts.identity, next.generation));
    let given_up = again_at.filter(|_| next.step == IntegrationStep::Preparing);
    status.integration = Some(next);
    Ok(Wanted { again: again_at, given_up, log_of })
}

/// Says that a run is under way where everything it depends on is ready: who waits for the environment waits for the result.
pub(super) fn say_under_way(
    before: &DevEnvironmentStatus,
    status: &mut DevEnvironmentStatus,
    generation: i64,
    now: Timestamp,
) {
    let is_ready = conditions::is_true(&status.conditions, conditions::READY);
    if is_ready && status.integration.is_some() {
        let say = Say::yes(conditions::RECONCILING, reasons::PROGRESSING, "its integration run is not over");
        status.conditions.push(conditions::condition(&before.conditions, say, generation, now));
    }
}

/// The run of an environment that cannot be resolved, and when to look again: it is over when that lasts for
/// `patience`, or for as long as it waits for anything.
pub(super) fn obstructed(
    facts: &Facts<'_>,
    status: &DevEnvironmentStatus,
    patience: Option<SignedDuration>,
    message: &str,
    now: Timestamp,
) -> (Option<IntegrationStatus>, Option<Timestamp>) {
    let Some(spec) = &facts.environment.spec.integration else { return (status.integration.clone(), None) };
    let before = status.integration.as_ref();
    let not_ready = NotReady { service: spec.service.clone(), message: message.to_owned() };
    let mut run = run_facts(facts, facts.fleet.ok(), Some(not_ready), None);
    if let Some(patience) = patience {
        run.limits = Limits::new(patience);
    }
    let Next { status, again_at, log_of: _ } = integration::next(before, &run, now);
    (Some(status), again_at)
}

/// The run of an environment that ends before the run does.
pub(super) fn cut_short(facts: &Facts<'_>, reason: EndReason, now: Timestamp) -> Option<IntegrationStatus> {
    facts.environment.spec.integration.as_ref()?;
    let status = facts.before();
    let run = run_facts(facts, facts.fleet.ok(), None, Some(reason));
    Some(integration::next(status.integration.as_ref(), &run, now).status)
}

fn run_facts(
    facts: &Facts<'_>,
    fleet: Option<&FleetSpec>,
    not_ready: Option<NotReady>,
    ended: Option<EndReason>,
) -> RunFacts {
    let generation = facts.generation();
    // A duration that is none is refused by the schema.
    let timeout = fleet.and_then(|fleet| duration::parse(&fleet.ready_timeout).ok());
    RunFacts {
        generation,
        not_ready,
        job: integration::job::facts(facts.identity, generation, facts.observed),
        delivery: delivery(facts, generation),
        ended,
        limits: Limits::new(timeout.unwrap_or(SignedDuration::from_mins(10))),
    }
}

fn delivery(facts: &Facts<'_>, generation: i64) -> Option<Delivery> {
    let name = integration::result::name(&facts.identity.name, generation);
    let found =
        facts.observed.iter().find(|object| object.key.kind == "ConfigMap" && object.key.name == name)?;
    let stored: ConfigMap = serde_json::from_value(serde_json::Value::clone(&found.body)).ok()?;
    integration::result::delivery(&stored, &facts.identity.uid)
}
