//! `DevEnvironment`: gather, decide, report, act.

mod act;
mod gather;
pub mod knowledge;

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::environment::decide::{self, Decision};

use crate::cache;
use crate::context::{self, Context};
use crate::error::Error;
use crate::reconcile::service_build;
use crate::report;

pub use gather::{Gathered, gather};

/// How long a cache may be behind our own writes before they are taken for lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// One look at an environment. Its status is written before anything is done.
pub async fn reconcile(environment: Arc<DevEnvironment>, context: Arc<Context>) -> Result<Action, Error> {
    let owner = cache::environment_key(&environment.namespace().unwrap_or_default(), &environment.name_any());
    if !environment.finalizers().iter().any(|name| name == names::ENVIRONMENT_FINALIZER) {
        return act::begin(&context, &environment).await;
    }
    let uid = environment.uid().unwrap_or_default();
    if report::version(environment.as_ref()).is_some_and(|seen| seen < context.reported.get(&uid)) {
        // Our own status has not come back yet; its event is on the way.
        return Ok(Action::requeue(PATIENCE));
    }
    let now = context::now();
    let Some(gathered) = gather(&context, &environment, None, now).await? else {
        context.cache.written.expire(&owner, PATIENCE);
        return Ok(Action::requeue(PATIENCE));
    };
    let mut decision = decide::decide(&gathered.facts(&context, &environment), now)?;
    act::add_log(&context, &gathered, &mut decision).await;
    let Decision { status, act, again, log_of: _ } = decision;
    let changed = environment.status.as_ref() != Some(&status);
    let stale = gathered.stale(&status.lock);
    let reported = DevEnvironment { status: Some(status), ..environment.as_ref().clone() };
    if let Some(version) = report::status(&context.client, &reported, changed).await? {
        context.reported.set(&uid, version);
    }
    if let Some(resolved) = gathered.resolved() {
        service_build::ask(&context, &gathered.identity.fleet_namespace, resolved, &stale).await?;
    }
    act::act(&context, &environment, &gathered, act).await?;
    Ok(super::again(again))
}
