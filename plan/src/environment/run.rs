//! The integration run of an environment: its next step, and the Job it wants.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use slipway_crds::v1alpha1::{DevEnvironmentStatus, EndReason, FleetSpec, IntegrationStatus};

use super::decide::{self, Facts};
use super::resolve::{Problem, ResolvedService};
use crate::desired::{Desired, Inputs, integration as job};
use crate::duration;
use crate::integration::{self, Delivery, Limits, Next, NotReady, RunFacts};
use crate::object::{Object, ObjectKey, RenderError};

/// What the run wants of the reconcile.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Where it stands now.
    pub(super) status: Option<IntegrationStatus>,
    /// The Job to make.
    pub(super) job: Vec<Object>,
    /// The Job that stays as it is.
    pub(super) kept: BTreeSet<ObjectKey>,
    /// When to look again.
    pub(super) again: Option<Timestamp>,
    /// Whose last log lines belong into its message.
    pub(super) log_of: Option<String>,
}

/// The run's next step, in an environment whose standing is `status`.
pub(super) fn decide(
    facts: &Facts<'_>,
    inputs: &Inputs<'_>,
    under_test: &ResolvedService,
    status: &DevEnvironmentStatus,
    now: Timestamp,
) -> Result<Result<Wanted, Problem>, RenderError> {
    let machine = match job::machine(inputs.fleet, inputs.resolved) {
        Ok(machine) => machine,
        Err(problem) => return Ok(Err(problem)),
    };
    let not_ready = NotReady::first(&status.blocked_by, under_test);
    let run = run_facts(facts, Some(inputs.fleet), not_ready, None);
    let Next { status: next, log_of, again_at } = integration::next(status.integration.as_ref(), &run, now);
    let mut desired = Desired::default();
    job::build_run(inputs, &next, &machine, facts.agent, &mut desired)?;
    let Desired { objects, mut kept } = desired;
    // The Job of a run that is over goes with the namespace.
    kept.insert(job::key(facts.identity, next.generation));
    Ok(Ok(Wanted { status: Some(next), job: objects, kept, again: again_at, log_of }))
}

/// The run of an environment that cannot be resolved: it is over when only a person can mend that.
pub(super) fn obstructed(
    facts: &Facts<'_>,
    status: &DevEnvironmentStatus,
    hopeless: Option<&str>,
    message: &str,
    now: Timestamp,
) -> Option<IntegrationStatus> {
    let spec = facts.environment.spec.integration.as_ref()?;
    let before = status.integration.as_ref();
    let not_ready = NotReady { service: spec.service.clone(), message: message.to_owned() };
    let mut run = run_facts(facts, facts.fleet.ok(), Some(not_ready), None);
    if hopeless.is_some() {
        // What only a person can mend is not waited for.
        run.limits = Limits::new(SignedDuration::ZERO);
    }
    Some(integration::next(before, &run, now).status)
}

/// The run of an environment that ends before the run does.
pub(super) fn cut_short(facts: &Facts<'_>, reason: EndReason, now: Timestamp) -> Option<IntegrationStatus> {
    facts.environment.spec.integration.as_ref()?;
    let status = decide::before(facts.environment);
    let run = run_facts(facts, facts.fleet.ok(), None, Some(reason));
    Some(integration::next(status.integration.as_ref(), &run, now).status)
}

fn run_facts(
    facts: &Facts<'_>,
    fleet: Option<&FleetSpec>,
    not_ready: Option<NotReady>,
    ended: Option<EndReason>,
) -> RunFacts {
    let generation = decide::generation(facts.environment);
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
    let stored: ConfigMap = serde_json::from_value(found.body.clone()).ok()?;
    integration::result::delivery(&stored, &facts.identity.uid)
}
