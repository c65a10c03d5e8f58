//! An environment that runs.

use jiff::Timestamp;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{DevEnvironmentStatus, FleetSpec, Machine};

use super::decision::{self, Act, Decision};
use super::facts::Facts;
use super::obstacle::Obstacle;
use super::report::{self, View};
use super::resolve::Resolved;
use super::{blocked, fixed, lock, restart, run, starts};
use crate::addresses::Block;
use crate::desired::{self, Inputs, namespace};
use crate::diff::{self, Plan, Step};
use crate::object::{Observed, RenderError};
use crate::pull_secret::PullSecret;

/// Kinds that are compared with what is declared; the others are made by Kubernetes or compared elsewhere.
const DECLARED_KINDS: [&str; 7] =
    ["NetworkPolicy", "Secret", "Service", "StatefulSet", "Deployment", "CronJob", "Job"];
/// How often an image that does not exist yet, or a registry that fails, is asked for, in seconds.
const IMAGE_AGAIN: i64 = 3;

/// What is said of a running environment, and what is done next.
pub(super) fn decide(
    facts: &Facts<'_>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Decision, RenderError> {
    let record = Some(facts.namespace_record());
    let base = DevEnvironmentStatus { namespace: record, ..facts.base(expires_at, now) };
    if is_known_from_before(facts) {
        return Ok(Obstacle::unread_again(base, now));
    }
    match ground(facts) {
        Err(obstacle) => Ok(obstacle.decision(facts, base, now)),
        Ok(ground) if facts.namespace().is_none() => making_namespace(facts, ground.resolved, base, now),
        Ok(ground) => running(facts, &ground, &base, now),
    }
}

/// The operator was started again and has not read the repositories yet: what was said of this generation holds.
fn is_known_from_before(facts: &Facts<'_>) -> bool {
    let before = facts.before();
    let is_said = before.observed_generation == Some(facts.generation());
    facts.fleet.is_ok() && facts.resolution.is_none() && is_said && before.ended.is_none()
}

/// What an environment stands on; it is there only when nothing is in the way.
struct Ground<'a> {
    fleet: &'a FleetSpec,
    resolved: &'a Resolved,
    block: Option<Block>,
    machine: Machine,
    test_machine: Machine,
    pull_secret: Option<&'a PullSecret>,
}

fn ground<'a>(facts: &Facts<'a>) -> Result<Ground<'a>, Obstacle> {
    let fleet = facts.fleet.map_err(Obstacle::fleet)?;
    let pull_secret = facts.pull_secret.transpose().map_err(Obstacle::pull_secret)?;
    let resolved = match facts.resolution {
        Some(Ok(resolved)) => resolved,
        Some(Err(problem)) => return Err(Obstacle::problem(problem)),
        None => return Err(Obstacle::unread()),
    };
    if let Some(found) = facts.namespace() {
        if found.is_terminating() {
            return Err(Obstacle::leaving(found));
        }
        if !facts.owner().owns(found) {
            return Err(Obstacle::foreign(found));
        }
    }
    let block = facts.block.map_err(|_| Obstacle::no_addresses())?;
    let machine = desired::machine(fleet, facts.environment.spec.machine.as_deref());
    let machine = machine.map_err(|problem| Obstacle::problem(&problem))?;
    let test_machine = desired::integration::machine(fleet, resolved);
    let test_machine = test_machine.map_err(|problem| Obstacle::problem(&problem))?;
    Ok(Ground { fleet, resolved, block, machine, test_machine, pull_secret })
}

fn making_namespace(
    facts: &Facts<'_>,
    resolved: &Resolved,
    base: DevEnvironmentStatus,
    now: Timestamp,
) -> Result<Decision, RenderError> {
    let object = namespace::build_namespace(facts.identity)?.stamped();
    let says = match facts.refused {
        Some(refusal) => refusal.says(),
        None => decision::reconciling(reasons::PROGRESSING, "its namespace is being made"),
    };
    let lock = lock::of(resolved, &lock::addresses(&base.lock));
    let services = Some(report::count(resolved, &lock));
    let status = DevEnvironmentStatus { lock, services, ..base };
    let act = Act::Apply(Plan { steps: vec![Step::Create(object)], conflicts: Vec::new() });
    Ok(Decision {
        status: decision::with(status, says, facts.generation(), now),
        act,
        again: None,
        log_of: None,
    })
}

fn running(
    facts: &Facts<'_>,
    ground: &Ground<'_>,
    base: &DevEnvironmentStatus,
    now: Timestamp,
) -> Result<Decision, RenderError> {
    let Ground { fleet, resolved, block, machine, test_machine, pull_secret } = ground;
    let addresses = fixed::addresses(resolved, &base.lock, facts.observed, *block);
    let (identity, spec) = (facts.identity, &facts.environment.spec);
    let (agent, pull_secret) = (facts.agent, *pull_secret);
    let restarts = &restart::asked(facts.environment);
    let addresses = &addresses;
    let inputs = Inputs { identity, fleet, spec, resolved, addresses, agent, pull_secret, restarts };
    let mut desired = desired::build(&inputs, machine)?;
    let (owner, compared) = (facts.owner(), compared(facts));
    let services = diff::diff(&owner, &desired.objects, &desired.kept, &compared);
    let view = View { identity, fleet, resolved, addresses, observed: facts.observed, plan: &services };
    let mut status = report::status(base, &view, facts.generation(), now);
    starts::record(&mut status.lock, &base.lock, facts.starts, facts.observed);
    status.address_block = block.map(|block| block.to_string());
    let run = run::decide(facts, &inputs, test_machine, &mut status, &mut desired, now)?;
    run::say_under_way(base, &mut status, facts.generation(), now);
    blocked::give_up_at(&mut status.blocked_by, run.given_up.or(status.expires_at));
    let plan = diff::diff(&owner, &desired.objects, &desired.kept, &compared);
    if let Some(refusal) = facts.refused {
        status = decision::with(status, refusal.says(), facts.generation(), now);
    }
    let again = [status.expires_at, run.again, image_again(&status, now)].into_iter().flatten().min();
    let act = if plan.steps.is_empty() { Act::Wait } else { Act::Apply(plan) };
    Ok(Decision { status, act, again, log_of: run.log_of })
}

fn image_again(status: &DevEnvironmentStatus, now: Timestamp) -> Option<Timestamp> {
    let missing = status.lock.iter().any(|locked| locked.commit.is_some() && locked.image.is_none());
    missing.then(|| decision::soon(now, IMAGE_AGAIN))
}

fn compared(facts: &Facts<'_>) -> Vec<Observed> {
    let inside = |object: &&Observed| {
        object.key.namespace.as_ref() == Some(&facts.identity.namespace)
            && DECLARED_KINDS.contains(&object.key.kind.as_str())
    };
    facts.observed.iter().filter(inside).cloned().collect()
}
