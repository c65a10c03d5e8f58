//! Everything that is known when a `GitSync` is decided on.

use std::sync::Arc;

use jiff::Timestamp;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::gitsync::files::Reading;
use slipway_plan::gitsync::kinds::Kinds;
use slipway_plan::gitsync::report::{Applied, Attempt};
use slipway_plan::gitsync::source::{Failure, Fetched};

use super::act::Done;
use super::known::read;
use super::look;
use super::see::Seen;
use crate::context::Context;

/// What is known.
pub struct Gathered {
    /// What the repository gave.
    pub fetched: Fetched,
    /// The commit that was applied before and is no longer part of the branch.
    pub rewritten: Option<String>,
    /// What the files say, when a revision could be read.
    pub reading: Option<Arc<Reading>>,
    /// What is there, and with whose rights.
    pub seen: Seen,
    /// When the repository is asked again.
    pub next: Timestamp,
}

impl Gathered {
    /// What the status is computed from.
    pub fn attempt<'a>(&'a self, sync: &'a GitSync, done: Option<&'a Done>) -> Attempt<'a> {
        let applied = self.reading.as_ref().zip(done).map(|(reading, done)| Applied {
            reading,
            observed: &self.seen.observed,
            decision: &done.decision,
            outcome: &done.outcome,
        });
        Attempt { sync, fetched: &self.fetched, rewritten: self.rewritten.as_deref(), applied }
    }
}

/// Looks at the repository when it is time to, and reads the files of the commit to apply.
pub async fn gather(context: &Context, sync: &GitSync, seen: Seen, now: Timestamp) -> Gathered {
    let kinds = &seen.kinds;
    let look = look::look(context, sync, now).await;
    let (fetched, reading) = match look.head {
        Ok(head) => match read(context, sync, &head, kinds).await {
            Ok(reading) => (Fetched::Head(head), Some(reading)),
            Err(error) => fall_back(context, sync, Failure::from(&error), kinds).await,
        },
        Err(failure) => fall_back(context, sync, failure, kinds).await,
    };
    Gathered { fetched, rewritten: look.rewritten, reading, seen, next: look.poll.next }
}

/// The commit that was tried last goes on being applied, when it can still be read.
async fn fall_back(
    context: &Context,
    sync: &GitSync,
    failure: Failure,
    kinds: &Kinds,
) -> (Fetched, Option<Arc<Reading>>) {
    let last = sync.status.as_ref().and_then(|status| status.last_attempted_revision.as_ref());
    if let Some(last) = last.and_then(|last| last.parse().ok())
        && let Ok(reading) = read(context, sync, &last, kinds).await
    {
        return (Fetched::Failed { failure, last: Some(last) }, Some(reading));
    }
    (Fetched::Failed { failure, last: None }, None)
}
