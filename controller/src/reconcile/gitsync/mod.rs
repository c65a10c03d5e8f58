//! `GitSync`: gather, decide, apply, report.

mod act;
mod end;
mod foresee;
mod gather;
mod known;
mod look;
mod see;
mod trigger;

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use slipway_crds::names;
use slipway_crds::v1alpha1::{GitSync, GitSyncStatus};
use slipway_plan::gitsync::poll;
use slipway_plan::gitsync::report as say;

use crate::context::{self, Context};
use crate::error::Error;
use crate::{finalizers, report, tell};

pub use foresee::{find, read_at, reading};
pub use see::{Sight, see};
pub use trigger::trigger;

use see::Seen;

/// How long the cache may be behind our own writes before they are taken for lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// When it is tried again what a missing right hinders: nobody tells when a right is given.
const HINDERED: Duration = Duration::from_secs(20);

/// One look at a `GitSync`: its repository when that is due, its objects always.
pub async fn reconcile(sync: Arc<GitSync>, context: Arc<Context>) -> Result<Action, Error> {
    let now = context::now();
    if sync.metadata.deletion_timestamp.is_some() && end::leaves_everything(&sync, now) {
        return end::end(&context, &sync, &Seen::nothing(), now).await;
    }
    let seen = match see(&context, &sync).await? {
        Sight::Seen(seen) => seen,
        Sight::Old => {
            context.own.written.expire(&owner(&sync), PATIENCE);
            return Ok(Action::requeue(PATIENCE));
        }
        Sight::Hindered(failure) => {
            write(&context, &sync, say::hindered(&sync, &failure, now)).await?;
            return Ok(Action::requeue(HINDERED));
        }
    };
    if sync.metadata.deletion_timestamp.is_some() {
        return end::end(&context, &sync, &seen, now).await;
    }
    if !sync.finalizers().iter().any(|name| name == names::GITSYNC_FINALIZER) {
        finalizers::add(&context.client, sync.as_ref(), names::GITSYNC_FINALIZER).await?;
        return Ok(Action::await_change());
    }
    if let Some(suspension) = poll::suspension(&sync, now) {
        write(&context, &sync, say::suspended(&sync, suspension, now)).await?;
        return Ok(super::again(suspension.until));
    }
    let gathered = gather::gather(&context, &sync, seen, now).await;
    let done = act::act(&context, &sync, &gathered).await?;
    let status = say::status(&gathered.attempt(&sync, done.as_ref()), now);
    write(&context, &sync, status).await?;
    act::failures(done.as_ref())?;
    Ok(super::again(Some(gathered.next)))
}

/// What [`crate::cache::Written`] knows a `GitSync` by.
fn owner(sync: &GitSync) -> String {
    format!("{}/{}", sync.namespace().unwrap_or_default(), sync.name_any())
}

async fn write(context: &Context, sync: &GitSync, status: GitSyncStatus) -> Result<(), Error> {
    let changed = sync.status.as_ref() != Some(&status);
    let news = slipway_plan::gitsync::events::of_status(sync.status.as_ref(), &status);
    let reported = GitSync { status: Some(status), ..sync.clone() };
    report::status(&context.client, &reported, changed).await?;
    tell::tell(context, sync, news).await;
    Ok(())
}
