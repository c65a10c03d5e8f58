//! `ServiceBuild`: gather, decide, report, act.

mod act;
mod end;
mod gather;
mod ground;
mod image;
mod kin;
mod made;
pub mod trial;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use slipway_crds::v1alpha1::{BuildStep, ServiceBuild, ServiceBuildStatus};
use slipway_crds::{conditions, names};
use slipway_plan::build::{Act, BuildFacts, Next, UnitTests, next, say};

use crate::cache;
use crate::context::{self, Context};
use crate::error::Error;
use crate::report;
use crate::turns::Turn;

use kin::Kin;

pub use ground::Ground;
pub use image::{ask, built};
pub use made::logins;

/// How long a cache may be behind our own writes before they are taken for lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often what nobody tells of is asked for: a registry, a commit that may be pushed.
const ASKING: Duration = Duration::from_secs(3);

/// One look at a build. Its status is written before anything is done.
pub async fn reconcile(build: Arc<ServiceBuild>, context: Arc<Context>) -> Result<Action, Error> {
    if build.metadata.deletion_timestamp.is_some() {
        return end::end(&context, &build).await;
    }
    if !build.finalizers().iter().any(|name| name == names::BUILD_FINALIZER) {
        crate::finalizers::add(&context.client, build.as_ref(), names::BUILD_FINALIZER).await?;
        return Ok(Action::await_change());
    }
    let uid = build.uid().unwrap_or_default();
    if report::version(build.as_ref()).is_some_and(|seen| seen < context.reported.get(&uid)) {
        // Our own status has not come back yet; its event is on the way.
        return Ok(Action::requeue(PATIENCE));
    }
    let now = context::now();
    if is_finished(&build) {
        return end::keep_house(&context, &build, now).await;
    }
    let Some(mut gathered) = gather::gather(&context, &build, now).await? else {
        let namespace = build.namespace().unwrap_or_default();
        context.builds.written.expire(&cache::build_key(&namespace, &build.name_any()), PATIENCE);
        return Ok(Action::requeue(PATIENCE));
    };
    let previous = build.status.clone().unwrap_or_default();
    let decided = context.turns.decide(&build, |given| {
        let kin = Kin::of(&context, &build);
        gathered.facts.ahead = kin.ahead(given);
        let inputs = gathered.facts.inputs.as_ref().ok().cloned();
        gathered.facts.twin = inputs.as_ref().and_then(|inputs| kin.twin(inputs, given));
        let decided = next(&previous, &gathered.facts, now);
        let turn = turn(&build, &decided.status);
        (decided, turn)
    });
    let again = again(&decided, &gathered.facts);
    let status = with_conditions(&build, decided.status, now);
    let changed = build.status.as_ref() != Some(&status);
    let reported = ServiceBuild { status: Some(status), ..build.as_ref().clone() };
    if let Some(version) = report::status(&context.client, &reported, changed).await? {
        context.reported.set(&uid, version);
    }
    act::act(&context, &reported, &gathered, decided.act).await?;
    Ok(again)
}

/// While a build runs it has a turn.
fn turn(build: &ServiceBuild, status: &ServiceBuildStatus) -> Option<Turn> {
    let runs = status.step > BuildStep::Queued && status.step < BuildStep::Finished;
    let inputs = status.inputs.clone().filter(|_| runs)?;
    let (namespace, name) = (build.namespace().unwrap_or_default(), build.name_any());
    Some(Turn { namespace, name, service: build.spec.service.clone(), inputs })
}

fn is_finished(build: &ServiceBuild) -> bool {
    build.status.as_ref().is_some_and(|status| status.step == BuildStep::Finished)
}

fn with_conditions(
    build: &ServiceBuild,
    mut status: ServiceBuildStatus,
    now: Timestamp,
) -> ServiceBuildStatus {
    let generation = build.metadata.generation.unwrap_or_default();
    let before = build.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    status.observed_generation = Some(generation);
    status.conditions = conditions::set(&before, say::says(&status), generation, now);
    status
}

/// What watches tell of needs no asking; the registry and git servers tell nothing.
fn again(decided: &Next, facts: &BuildFacts) -> Action {
    let is_pushed = facts.report.as_ref().is_some_and(|report| report.pushed.is_some());
    let asks = match decided.status.step {
        BuildStep::Finished => return Action::requeue(Duration::from_millis(500)),
        BuildStep::Waiting | BuildStep::Queued | BuildStep::Starting | BuildStep::Naming => true,
        BuildStep::Building => is_pushed,
        BuildStep::Testing => decided.act != Act::Wait || matches!(facts.unit, UnitTests::Unknown(_)),
    };
    if asks { Action::requeue(ASKING) } else { super::again(decided.again_at) }
}
