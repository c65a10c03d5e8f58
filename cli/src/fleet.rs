//! What a Fleet says of the commits of its ops repository.

use slipway_crds::v1alpha1::Fleet;
use slipway_crds::{conditions, reasons};

/// Why the newest commit of the ops repository is not the default: it is tried still, or a service failed with it.
pub fn ops_held_back(fleet: &Fleet) -> Option<String> {
    said(fleet, conditions::RECONCILING, reasons::OPS_TRIAL).or_else(|| ops_failed(fleet))
}

/// Which service failed with the newest commit of the ops repository, and how.
pub fn ops_failed(fleet: &Fleet) -> Option<String> {
    said(fleet, conditions::STALLED, reasons::OPS_TRIAL_FAILED)
}

fn said(fleet: &Fleet, type_: &str, reason: &str) -> Option<String> {
    let condition = conditions::find(&fleet.status.as_ref()?.conditions, type_)?;
    (condition.status == "True" && condition.reason == reason).then(|| condition.message.clone())
}
