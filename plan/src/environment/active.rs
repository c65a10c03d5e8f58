//! An environment that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;
use slipway_crds::v1alpha1::{BlockedBy, DevEnvironmentStatus, FleetSpec, LockedService};
use slipway_crds::{names, reasons};

use super::decide::{self, Act, Decision, Facts};
use super::report::View;
use super::resolve::{Problem, Resolved};
use super::{lock, report, run};
use crate::addresses::{self, Block};
use crate::desired::{self, Addresses, Inputs, namespace};
use crate::diff::{self, Plan, Step};
use crate::object::{Observed, RenderError};
use crate::service_name::ServiceName;

/// Kinds that are compared with what is declared; the others are made by Kubernetes or compared elsewhere.
const DECLARED_KINDS: [&str; 5] = ["Service", "StatefulSet", "Deployment", "CronJob", "Job"];
/// How often an image that does not exist yet, or a registry that fails, is asked for.
const IMAGE_SECONDS: i64 = 3;

/// What is said of a running environment, and what is done next.
pub(super) fn decide(
    facts: &Facts<'_>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Decision, RenderError> {
    let base = DevEnvironmentStatus {
        namespace: Some(decide::namespace_record(facts)),
        ..decide::base(facts, expires_at, now)
    };
    let (fleet, resolved) = match inputs(facts) {
        Ok(inputs) => inputs,
        Err(obstacle) => return Ok(obstacle.decision(facts, base, expires_at, now)),
    };
    match decide::namespace(facts) {
        Some(found) if found.is_terminating() => {
            let message = format!("its namespace {} of before is still being removed", found.key.name);
            let says = decide::reconciling(reasons::TERMINATING, &message);
            let status = decide::with(base, says, facts, now);
            Ok(Decision { status, act: Act::Wait, again: expires_at, log_of: None })
        }
        Some(_) => running(facts, fleet, resolved, base, expires_at, now),
        None => making_namespace(facts, resolved, base, now),
    }
}

/// What stands in the way of knowing what should run. What runs goes on running.
struct Obstacle {
    reason: &'static str,
    message: String,
    /// Whether only a person can mend it.
    stalled: bool,
    /// Whether an integration run can never succeed because of it.
    final_for_run: bool,
}

impl Obstacle {
    fn decision(
        self,
        facts: &Facts<'_>,
        base: DevEnvironmentStatus,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Decision {
        let Self { reason, message, stalled, final_for_run } = self;
        let says =
            if stalled { decide::stalled(reason, &message) } else { decide::reconciling(reason, &message) };
        let before = base.blocked_by.iter().find(|wait| wait.reason == reason);
        let wait = BlockedBy {
            what: facts.identity.name.clone(),
            reason: reason.to_owned(),
            since: before.map_or(now, |wait| wait.since),
            message: message.clone(),
            until: None,
            override_by: None,
        };
        let integration =
            run::obstructed(facts, &base, final_for_run.then_some(message.as_str()), &message, now);
        let base = DevEnvironmentStatus { blocked_by: vec![wait], integration, ..base };
        let again = if stalled { expires_at } else { Some(decide::soon(now, 5)) };
        Decision { status: decide::with(base, says, facts, now), act: Act::Wait, again, log_of: None }
    }
}

fn inputs<'a>(facts: &Facts<'a>) -> Result<(&'a FleetSpec, &'a Resolved), Obstacle> {
    let fleet = facts.fleet.map_err(|problem| {
        let (reason, message) = problem.told();
        Obstacle { reason, message: message.to_owned(), stalled: true, final_for_run: true }
    })?;
    match facts.resolution {
        Some(Ok(resolved)) => Ok((fleet, resolved)),
        Some(Err(problem)) => Err(Obstacle::of(problem)),
        None => Err(Obstacle {
            reason: reasons::PROGRESSING,
            message: "its repositories are being read".to_owned(),
            stalled: false,
            final_for_run: false,
        }),
    }
}

impl Obstacle {
    fn of(problem: &Problem) -> Self {
        let reason = match problem {
            Problem::UnknownProfile(_) => reasons::UNKNOWN_PROFILE,
            Problem::UnknownService { .. } => reasons::UNKNOWN_SERVICE,
            Problem::Name(_) | Problem::UnusedBranch(_) => reasons::INVALID_SPEC,
            Problem::Cycle(_) => reasons::DEPENDENCY_CYCLE,
            Problem::Manifest { .. } | Problem::NoIntegration { .. } => reasons::INVALID_MANIFEST,
            Problem::UnknownMachine(_) => reasons::UNKNOWN_MACHINE,
            Problem::Commit { unavailable, .. } => unavailable.reason,
        };
        // A git server that cannot be reached comes back by itself, and a branch may yet be pushed.
        let passing = reason == reasons::FETCH_FAILED || reason == reasons::PROGRESSING;
        Self { reason, message: problem.to_string(), stalled: !passing, final_for_run: !passing }
    }
}

fn making_namespace(
    facts: &Facts<'_>,
    resolved: &Resolved,
    base: DevEnvironmentStatus,
    now: Timestamp,
) -> Result<Decision, RenderError> {
    let object = namespace::build_namespace(facts.identity)?.stamped();
    let says = match facts.refused.first() {
        Some(refused) => decide::reconciling(reasons::APPLY_FAILED, refused),
        None => decide::reconciling(reasons::PROGRESSING, "its namespace is being made"),
    };
    let lock = lock::of(resolved, &lock::addresses(&base.lock));
    let services = Some(report::count(resolved, &lock));
    let status = DevEnvironmentStatus { lock, services, ..base };
    let act = Act::Apply(Plan { steps: vec![Step::Create(object)], conflicts: Vec::new() });
    Ok(Decision { status: decide::with(status, says, facts, now), act, again: None, log_of: None })
}

fn running(
    facts: &Facts<'_>,
    fleet: &FleetSpec,
    resolved: &Resolved,
    base: DevEnvironmentStatus,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Decision, RenderError> {
    let owner = decide::owner(facts);
    if let Some(found) = decide::namespace(facts).filter(|found| !owner.owns(found)) {
        let message = format!(
            "namespace {} exists and is not ours: remove it, or rename this environment",
            found.key.name
        );
        let says = decide::stalled(reasons::CONFLICT, &message);
        let status = decide::with(base, says, facts, now);
        return Ok(Decision { status, act: Act::Wait, again: expires_at, log_of: None });
    }
    let Ok(block) = facts.block else {
        let message =
            "no free block is left in the Fleet's address range: enlarge it, or remove environments";
        let says = decide::stalled(reasons::ADDRESSES_EXHAUSTED, message);
        let status = decide::with(base, says, facts, now);
        return Ok(Decision { status, act: Act::Wait, again: expires_at, log_of: None });
    };
    let machine = match desired::machine(fleet, facts.environment.spec.machine.as_deref()) {
        Ok(machine) => machine,
        Err(problem) => return Ok(Obstacle::of(&problem).decision(facts, base, expires_at, now)),
    };
    let addresses = fixed_addresses(facts, resolved, &base.lock, block);
    let (identity, spec) = (facts.identity, &facts.environment.spec);
    let inputs = Inputs { identity, fleet, spec, resolved, addresses: &addresses };
    let mut desired = desired::build(&inputs, &machine)?;
    let compared = compared(facts);
    let plan = diff::diff(&owner, &desired.objects, &desired.kept, &compared);
    let view =
        View { identity, fleet, resolved, addresses: &addresses, observed: facts.observed, plan: &plan };
    let mut status = report::status(&base, &view, decide::generation(facts.environment), now);
    status.address_block = block.map(|block| block.to_string());
    let mut wanted = run::Wanted::default();
    if let Some(under_test) = &resolved.under_test {
        match run::decide(facts, &inputs, under_test, &status, now)? {
            Ok(run) => wanted = run,
            Err(problem) => return Ok(Obstacle::of(&problem).decision(facts, base, expires_at, now)),
        }
    }
    desired.objects.extend(wanted.job);
    desired.kept.extend(wanted.kept);
    status.integration = wanted.status.or(status.integration);
    let plan = diff::diff(&owner, &desired.objects, &desired.kept, &compared);
    if let Some(refused) = facts.refused.first() {
        status = decide::with(status, decide::reconciling(reasons::APPLY_FAILED, refused), facts, now);
    }
    let again = [expires_at, wanted.again, image_again(&status, now)].into_iter().flatten().min();
    let act = if plan.steps.is_empty() { Act::Wait } else { Act::Apply(plan) };
    Ok(Decision { status, act, again, log_of: wanted.log_of })
}

fn image_again(status: &DevEnvironmentStatus, now: Timestamp) -> Option<Timestamp> {
    let asks = |reason: &str| reason == reasons::IMAGE_NOT_FOUND || reason == reasons::REGISTRY_FAILED;
    let missing = status.lock.iter().any(|locked| locked.commit.is_some() && locked.image.is_none());
    (missing || status.blocked_by.iter().any(|wait| asks(&wait.reason)))
        .then(|| decide::soon(now, IMAGE_SECONDS))
}

fn compared(facts: &Facts<'_>) -> Vec<Observed> {
    let inside = |object: &&Observed| {
        object.key.namespace.as_ref() == Some(&facts.identity.namespace)
            && DECLARED_KINDS.contains(&object.key.kind.as_str())
    };
    facts.observed.iter().filter(inside).cloned().collect()
}

/// The addresses that were recorded or are seen; from the block, one for each service that has none.
/// A recorded address outside the environment's block, of a Service that does not exist, is given up.
fn fixed_addresses(
    facts: &Facts<'_>,
    resolved: &Resolved,
    locked: &[LockedService],
    block: Option<Block>,
) -> Addresses {
    let mut fixed: Addresses = lock::addresses(locked);
    if let Some(block) = block {
        let inside: BTreeSet<String> = block.addresses().map(|address| address.to_string()).collect();
        fixed.retain(|_, address| inside.contains(address));
    }
    fixed.extend(seen_addresses(facts));
    let Some(block) = block else { return fixed };
    let mut taken: BTreeSet<Ipv4Addr> = fixed.values().filter_map(|address| address.parse().ok()).collect();
    for service in with_address(resolved) {
        if let (false, Some(address)) = (fixed.contains_key(&service), addresses::next_address(block, &taken))
        {
            taken.insert(address);
            fixed.insert(service, address.to_string());
        }
    }
    fixed
}

fn seen_addresses(facts: &Facts<'_>) -> BTreeMap<ServiceName, String> {
    let services =
        facts.observed.iter().filter(|object| object.key.kind == "Service" && !object.is_terminating());
    let address = |object: &Observed| {
        let name = ServiceName::parse(object.label(names::SERVICE)?).ok()?;
        Some((name, object.body["spec"]["clusterIP"].as_str()?.to_owned()))
    };
    services.filter_map(address).collect()
}

fn with_address(resolved: &Resolved) -> Vec<ServiceName> {
    let services = resolved.services.iter().filter(|service| !service.manifest.run.ports.is_empty());
    let local = resolved.local.then(ServiceName::local);
    local.into_iter().chain(services.map(|service| service.name.clone())).collect()
}
