//! `Fleet`: whether it is the only one, whether it makes sense, a mirror of its ops repository, and which commit of that is
//! the default.

mod trial;

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use slipway_crds::v1alpha1::{Fleet, FleetStatus, OpsRepository};
use slipway_crds::{conditions, reasons};
use slipway_plan::environment::resolve::Unavailable;
use slipway_plan::gitsync::source::Failure;
use slipway_plan::ops::say::held;
use slipway_plan::ops::{Next, OpsState};

use super::{service_repo, wake};
use crate::context::{self, Context};
use crate::error::Error;
use crate::git::{GitError, Refs, Remote};
use crate::report;
use crate::repositories::Repository;

/// When to look again after a start, before all that there is was listed.
const SOON: Duration = Duration::from_millis(500);

/// One look at a Fleet.
pub async fn reconcile(fleet: Arc<Fleet>, context: Arc<Context>) -> Result<Action, Error> {
    if !trial::is_all_listed(&context.stores) {
        return Ok(Action::requeue(SOON));
    }
    let namespace = fleet.namespace().unwrap_or_default();
    let others = context.stores.fleets.state_filter(|other| other.namespace().as_deref() == Some(&namespace));
    let generation = fleet.metadata.generation.unwrap_or_default();
    let before = fleet.status.clone().unwrap_or_default();
    let ops = ops(&fleet, &context, &namespace).await;
    let failure = ops.as_ref().and_then(|trunk| trunk.as_ref().err());
    let decided = match &ops {
        Some(trunk) => trial::look(&fleet, &context, &namespace, trunk.as_ref().ok()).await?,
        None => Next::default(),
    };
    let held = held(&decided.state);
    let says = slipway_plan::fleet::says(&fleet.spec, others.len(), failure, held.as_ref());
    let OpsState { accepted, why, candidate } = decided.state.clone();
    let status = FleetStatus {
        observed_generation: Some(generation),
        conditions: conditions::set(&before.conditions, says, generation, context::now()),
        ops_commit: accepted,
        ops_why: why,
        ops_candidate: candidate,
    };
    let moved = status.ops_commit != before.ops_commit;
    let changed = status != before;
    let reported = Fleet { status: Some(status), ..fleet.as_ref().clone() };
    report::status(&context.client, &reported, changed).await?;
    // What is asked for is recorded first: a build that is lost is asked for again.
    trial::act(&context, &namespace, &decided).await?;
    if moved {
        wake::environments(&context.stores.environments, &context.trigger, &namespace);
    }
    let interval = fleet.spec.ops.as_ref().map(|ops| service_repo::interval(&ops.interval));
    Ok(interval.map_or_else(Action::await_change, Action::requeue))
}

/// The commit of the ops repository's trunk; None where there is no such repository.
async fn ops(fleet: &Fleet, context: &Context, namespace: &str) -> Option<Result<String, Failure>> {
    let Some(ops) = &fleet.spec.ops else {
        context.ops.set(namespace, None);
        return None;
    };
    let read = read(context, namespace, ops).await;
    let trunk = read.as_ref().map(|(_, refs)| refs.branch(&ops.trunk).map(ToString::to_string));
    let trunk = trunk.map_err(Failure::from).and_then(|trunk| trunk.ok_or_else(|| no_branch(ops)));
    let (read, failure) = match read {
        Ok(read) => (Some(read), None),
        Err(error) => {
            let before = context.ops.get(namespace).and_then(|before| before.read);
            (before, Some(Unavailable { reason: error.reason(), message: error.to_string() }))
        }
    };
    let repository = Some(Repository { trunk: ops.trunk.clone(), read, failure });
    if context.ops.get(namespace) != repository {
        context.ops.set(namespace, repository);
        // An environment may run another branch than the trunk.
        wake::environments(&context.stores.environments, &context.trigger, namespace);
    }
    Some(trunk)
}

async fn read(context: &Context, namespace: &str, ops: &OpsRepository) -> Result<(Remote, Refs), GitError> {
    let remote = service_repo::remote(context, namespace, &ops.url, ops.credentials.as_ref()).await?;
    let refs = context.git.update(&remote).await?;
    Ok((remote, refs))
}

fn no_branch(ops: &OpsRepository) -> Failure {
    let message = format!("{} has no branch {}: push it, or set `ops.trunk`", ops.url, ops.trunk);
    Failure { reason: reasons::REFERENCE_NOT_FOUND, message, needs_a_person: true }
}
