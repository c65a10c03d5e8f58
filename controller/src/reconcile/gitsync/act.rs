//! Carries out what was decided.

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::event;
use slipway_plan::gitsync::decide::{Decision, Facts, decide};
use slipway_plan::gitsync::rank;
use slipway_plan::gitsync::report::{Outcome, Refusal};
use slipway_plan::gitsync::source::Fetched;
use tracing::info;

use super::gather::Gathered;
use super::owner;
use crate::apply::{Applied, Applier, ApplyError};
use crate::context::Context;
use crate::error::Error;
use crate::tell;

/// What was decided and what became of it.
pub struct Done {
    /// What was to be done.
    pub decision: Decision,
    /// What became of it.
    pub outcome: Outcome,
}

/// Decides and does it; nothing when no revision could be read.
pub async fn act(context: &Context, sync: &GitSync, gathered: &Gathered) -> Result<Option<Done>, Error> {
    let (Some(reading), Some(revision)) = (&gathered.reading, gathered.fetched.revision()) else {
        return Ok(None);
    };
    let decision = decide(&Facts {
        sync,
        revision,
        is_current: matches!(gathered.fetched, Fetched::Head(_)),
        is_rewritten: gathered.rewritten.is_some(),
        reading,
        observed: &gathered.observed,
    });
    for step in &decision.plan.steps {
        info!(gitsync = sync.name_any(), %revision, %step, "applying");
    }
    let key = owner(sync);
    let written = Some((&context.own.written, key.as_str()));
    let applier = Applier { client: &context.client, owner: &decision.owner, written };
    let carried_out = applier.apply(&decision.plan.steps, rank).await;
    // What was written on an old look is looked at again before anything is said about it.
    if let Some(stale) = carried_out.failed.iter().find(|error| error.is_stale()) {
        return Err(Error::Apply { failed: carried_out.failed.len(), first: stale.answer() });
    }
    tell::tell(context, sync, event::drift_corrected(&decision.plan)).await;
    Ok(Some(Done { decision, outcome: outcome(carried_out) }))
}

/// Steps that failed are tried again, the next time later.
pub fn failures(done: Option<&Done>) -> Result<(), Error> {
    let refusals = done.map(|done| done.outcome.refusals.as_slice()).unwrap_or_default();
    match refusals.first() {
        Some(first) => Err(Error::Apply { failed: refusals.len(), first: first.message.clone() }),
        None => Ok(()),
    }
}

pub(super) fn outcome(applied: Applied) -> Outcome {
    let Applied { done, deleted: _, failed } = applied;
    let mut outcome = Outcome { written: done, ..Outcome::default() };
    for error in failed {
        let message = error.answer();
        match error {
            ApplyError::Conflict(conflict) => outcome.conflicts.push(conflict),
            error => {
                let is_delete = matches!(error, ApplyError::Request { verb: "delete", .. });
                outcome.refusals.push(Refusal { message, is_delete, needs_a_person: needs_a_person(&error) });
            }
        }
    }
    outcome
}

/// The API server will say the same again until the file, a quota or a right changes.
fn needs_a_person(error: &ApplyError) -> bool {
    match error {
        ApplyError::Request { source: kube::Error::Api(status), .. } => {
            (400..500).contains(&status.code) && ![404, 408, 409, 429].contains(&status.code)
        }
        ApplyError::Request { .. } => false,
        ApplyError::Conflict(_) | ApplyError::Body { .. } => true,
    }
}
