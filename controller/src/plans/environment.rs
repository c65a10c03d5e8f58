//! What would become of an environment.

use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use slipway_crds::conditions;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::diff::{Plan, Step};
use slipway_plan::environment::decide::{Act, Decision};
use slipway_plan::object::ObjectKey;
use slipway_plan::preview::{self, Preview};

use super::refusal::Refusal;
use super::{Supposed, rehearse};
use crate::context::{self, Context};
use crate::reconcile::dev_environment;

/// What would become of an environment if it were applied now.
pub async fn plan(context: &Context, mut environment: DevEnvironment) -> Result<Preview, Refusal> {
    let namespace = environment.namespace().unwrap_or_default();
    let key = ObjectRef::new(&environment.name_any()).within(&namespace);
    let known = context.stores.environments.get(&key);
    environment.metadata.uid = known.as_ref().and_then(|known| known.metadata.uid.clone());
    environment.status = known.and_then(|known| known.status.clone());
    supposing(context, &environment, &Supposed::default()).await
}

/// What would become of an environment if that were true.
pub async fn supposing(
    context: &Context,
    environment: &DevEnvironment,
    supposed: &Supposed,
) -> Result<Preview, Refusal> {
    let now = context::now();
    let gathered = dev_environment::gather(context, environment, Some(supposed), now).await?;
    let decision = gathered.ok_or(Refusal::Behind)?.foresee(context, environment, now)?;
    let of = environment.name_any();
    let mut told = match &decision.act {
        Act::Apply(plan) => rehearsed(context, of, plan).await,
        _ => Preview { of, ..Preview::default() },
    };
    told.problems.extend(stalled(&decision));
    told.waits = decision.status.blocked_by.iter().map(|w| format!("{}: {}", w.what, w.message)).collect();
    Ok(told)
}

async fn rehearsed(context: &Context, of: String, plan: &Plan) -> Preview {
    let rehearsals = rehearse::updates(&context.client, names::ENVIRONMENT_MANAGER, &plan.steps).await;
    let rehearsed = |step: &Step| rehearsals.get(updated(step)?)?.clone().ok();
    preview::of_plan(of, plan, rehearsed)
}

fn updated(step: &Step) -> Option<&ObjectKey> {
    if let Step::Update { object, .. } = step { Some(&object.key) } else { None }
}

fn stalled(decision: &Decision) -> Option<String> {
    conditions::find(&decision.status.conditions, conditions::STALLED).map(|found| found.message.clone())
}
