//! The end of a `GitSync`: what it made goes first. The repository is not asked.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use slipway_crds::names;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::diff::{Owner, Step};
use slipway_plan::gitsync::ending::{self, Ending};
use slipway_plan::gitsync::{rank, report};
use tracing::info;

use super::see::Seen;
use super::{act, owner, write};
use crate::apply::Applier;
use crate::context::Context;
use crate::error::Error;
use crate::finalizers;

/// The next act of a `GitSync` that is being deleted.
pub async fn end(
    context: &Context,
    sync: &Arc<GitSync>,
    seen: &Seen,
    now: Timestamp,
) -> Result<Action, Error> {
    if !sync.finalizers().iter().any(|name| name == names::GITSYNC_FINALIZER) {
        return Ok(Action::await_change());
    }
    match ending::next(sync, &seen.observed, now) {
        Ending::Record(inventory) => {
            write(context, sync, report::ending(sync, &[], Some(inventory), now)).await?;
        }
        Ending::Wait(keys) => write(context, sync, report::ending(sync, &keys, None, now)).await?,
        Ending::Delete(owner, steps) => {
            write(context, sync, report::ending(sync, &[], None, now)).await?;
            delete(context, sync, seen, (&owner, &steps)).await?;
        }
        Ending::Release => release(context, sync).await?,
    }
    Ok(Action::await_change())
}

/// Whether all that it made stays when it goes.
pub fn leaves_everything(sync: &GitSync, now: Timestamp) -> bool {
    ending::stays(sync, now)
}

async fn delete(
    context: &Context,
    sync: &GitSync,
    seen: &Seen,
    (on_behalf, steps): (&Owner, &[Step]),
) -> Result<(), Error> {
    for step in steps {
        info!(gitsync = sync.name_any(), %step, "applying");
    }
    let key = owner(sync);
    let written = Some((&context.own.written, key.as_str()));
    let client = context.foreign.client(&seen.account);
    let applier = Applier { client: &client, owner: on_behalf, written, resources: &seen.resources };
    let applied = applier.apply(steps, rank).await;
    let refusals = act::outcome(applied).refusals;
    match refusals.first() {
        Some(first) => Err(Error::Apply { failed: refusals.len(), first: first.message.clone() }),
        None => Ok(()),
    }
}

async fn release(context: &Context, sync: &GitSync) -> Result<(), Error> {
    let id = sync.uid().unwrap_or_default();
    context.looks.forget(&id);
    context.pushed.forget(&id);
    context.known_files.forget(&id);
    context.settled.forget(&id);
    context.foreign.release(&id);
    context.own.written.forget(&owner(sync));
    finalizers::remove(&context.client, sync, names::GITSYNC_FINALIZER).await
}
