//! What people are told when it happens, beside the status.

use crate::diff::{Cause, Plan, Step};

/// An event on a Slipway object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether something is wrong.
    pub is_warning: bool,
    /// One word.
    pub reason: &'static str,
    /// For people.
    pub note: String,
}

/// Changes by others that a plan puts back.
pub fn drift_corrected(plan: &Plan) -> Vec<Event> {
    plan.steps.iter().filter_map(drift).collect()
}

fn drift(step: &Step) -> Option<Event> {
    let Step::Update { object, cause: Cause::Drift { field, managers }, .. } = step else { return None };
    let who = if managers.is_empty() { "somebody".to_owned() } else { managers.join(", ") };
    let note = format!("{}: {field} was changed by {who}; it is put back as declared", object.key);
    Some(Event { is_warning: true, reason: "DriftCorrected", note })
}
