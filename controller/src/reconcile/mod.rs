//! The reconcilers, one folder a kind: gather, plan, apply, report, requeue.

pub mod dev_environment;
pub mod fleet;
pub mod gitsync;
pub mod service_build;
pub mod service_repo;
pub mod wake;

use std::fmt::Debug;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt as _};
use tracing::{error, warn};

use crate::context::{self, Context};
use crate::error::{self, Error, Verdict};

/// Runs one reconcile: a panic in it quarantines its object and no other. A standby waits, and then looks at the object as it
/// is by then.
pub async fn guarded<K, F>(object: Arc<K>, context: Arc<Context>, work: F) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()>,
    F: Future<Output = Result<Action, Error>>,
{
    if !context.tenure.is_held() {
        context.tenure.held().await;
        return Ok(Action::requeue(Duration::ZERO));
    }
    let started = Instant::now();
    let outcome = caught(&told(object.as_ref()), work).await;
    let label = match &outcome {
        Ok(_) => "ok",
        Err(Error::Panicked(_)) => "panicked",
        Err(_) => "failed",
    };
    context.metrics.reconciled(kind_of::<K>(), label, started.elapsed());
    if outcome.is_ok() {
        context.attempts.forget(&identity(object.as_ref()));
    }
    outcome
}

/// A panic is an error of its object.
async fn caught(object: &str, work: impl Future<Output = Result<Action, Error>>) -> Result<Action, Error> {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    ended.unwrap_or_else(|_| Err(Error::Panicked(object.to_owned())))
}

/// When a failed reconcile is tried again.
pub fn retry<K>(object: &Arc<K>, failure: &Error, context: &Arc<Context>) -> Action
where
    K: Resource<DynamicType = ()> + Debug,
{
    let verdict = failure.verdict();
    let id = identity(object.as_ref());
    let attempts = context.attempts.get(&id);
    // Having looked too early is no failure: it must not make the next delay longer.
    if verdict != Verdict::Soon {
        context.attempts.set(&id, attempts.saturating_add(1));
    }
    let object = told(object.as_ref());
    match verdict {
        Verdict::Soon => tracing::debug!(object, error = %chain(failure), "looked too early; again"),
        Verdict::Backoff => warn!(object, error = %chain(failure), attempts, "reconcile failed"),
        Verdict::Quarantine => error!(object, error = %chain(failure), "reconcile failed for good"),
    }
    Action::requeue(error::delay(verdict, attempts, rand::random()))
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Looks again at that time, or when something happens.
pub fn again(at: Option<Timestamp>) -> Action {
    let Some(at) = at else { return Action::await_change() };
    let left = at.duration_since(context::now());
    let left = Duration::try_from(left).unwrap_or_default();
    Action::requeue(left.max(Duration::from_millis(500)))
}

fn identity<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{}/{}/{}", K::kind(&()), object.namespace().unwrap_or_default(), object.name_any())
}

fn told<K: Resource<DynamicType = ()>>(object: &K) -> String {
    identity(object)
}

fn kind_of<K: Resource<DynamicType = ()>>() -> &'static str {
    match K::kind(&()).as_ref() {
        "DevEnvironment" => "DevEnvironment",
        "Fleet" => "Fleet",
        "GitSync" => "GitSync",
        "ServiceBuild" => "ServiceBuild",
        _ => "ServiceRepo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_quarantines_its_object_and_no_other() {
        let poisoned =
            caught("DevEnvironment f/a", async { Option::<Action>::None.ok_or_else(|| unreachable!()) });
        let (poisoned, healthy) =
            futures::join!(poisoned, caught("DevEnvironment f/b", async { Ok(Action::await_change()) }));
        let error = poisoned.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the reconcile of DevEnvironment f/a panicked: this is a bug, see the log"
        );
        assert_eq!(error.verdict(), Verdict::Quarantine);
        assert!(healthy.is_ok());
    }
}
