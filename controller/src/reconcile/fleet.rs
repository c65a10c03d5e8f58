//! `Fleet`: whether it is the only one, and whether it makes sense.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{Fleet, FleetStatus};

use crate::context::{self, Context};
use crate::error::Error;
use crate::report;

/// One look at a Fleet.
pub async fn reconcile(fleet: Arc<Fleet>, context: Arc<Context>) -> Result<Action, Error> {
    let namespace = fleet.namespace().unwrap_or_default();
    let others = context.stores.fleets.state_filter(|other| other.namespace().as_deref() == Some(&namespace));
    let generation = fleet.metadata.generation.unwrap_or_default();
    let before = fleet.status.clone().unwrap_or_default();
    let says = slipway_plan::fleet::says(&fleet.spec, others.len());
    let status = FleetStatus {
        observed_generation: Some(generation),
        conditions: conditions::set(&before.conditions, says, generation, context::now()),
    };
    let changed = status != before;
    let reported = Fleet { status: Some(status), ..fleet.as_ref().clone() };
    report::status(&context.client, &reported, changed).await?;
    Ok(Action::await_change())
}
