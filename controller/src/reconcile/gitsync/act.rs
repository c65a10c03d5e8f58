//! Carries out what was decided.

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::diff::Step;
use slipway_plan::event;
use slipway_plan::gitsync::decide::{Decision, Facts, decide};
use slipway_plan::gitsync::rank;
use slipway_plan::gitsync::report::{Outcome, Refusal};
use slipway_plan::gitsync::source::Fetched;
use slipway_plan::object::Observed;
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
        observed: &gathered.seen.observed,
        settled: &context.settled.get(&sync.uid().unwrap_or_default()),
    });
    for step in &decision.plan.steps {
        info!(gitsync = sync.name_any(), %revision, %step, "applying");
    }
    let key = owner(sync);
    let written = Some((&context.own.written, key.as_str()));
    let client = context.foreign.client(&gathered.seen.account);
    let resources = &gathered.seen.resources;
    let applier = Applier { client: &client, owner: &decision.owner, written, resources };
    let carried_out = applier.apply(&decision.plan.steps, rank).await;
    settle(context, sync, &decision.plan.steps, &carried_out.done);
    // What was written on an old look is looked at again before anything is said about it.
    if let Some(stale) = carried_out.failed.iter().find(|error| error.is_stale()) {
        return Err(Error::Apply { failed: carried_out.failed.len(), first: stale.answer() });
    }
    tell::tell(context, sync, event::drift_corrected(&decision.plan)).await;
    Ok(Some(Done { decision, outcome: outcome(carried_out) }))
}

/// Remembers in which way the API server keeps what was just written.
fn settle(context: &Context, sync: &GitSync, steps: &[Step], done: &[Observed]) {
    let id = sync.uid().unwrap_or_default();
    let mut settled = context.settled.get(&id);
    settled.learn(steps, done);
    context.settled.set(&id, settled);
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
    let Applied { done, failed, deleted: _ } = applied;
    let mut outcome = Outcome { written: done, ..Outcome::default() };
    for error in failed {
        let (message, is_forbidden) = (error.answer(), error.is_forbidden());
        match error {
            ApplyError::Conflict(conflict) => outcome.conflicts.push(conflict),
            error @ ApplyError::Request { .. } => {
                let is_delete = matches!(error, ApplyError::Request { verb: "delete", .. });
                let needs_a_person = needs_a_person(&error);
                outcome.refusals.push(Refusal { message, is_delete, is_forbidden, needs_a_person });
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
        ApplyError::Conflict(_) => true,
    }
}
