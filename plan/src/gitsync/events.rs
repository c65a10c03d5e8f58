//! What people are told when it happens, beside the status.

use slipway_crds::v1alpha1::GitSyncStatus;
use slipway_crds::{conditions, reasons};

use super::decide::Decision;
use crate::diff::{Cause, Step};

/// An event on the `GitSync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether something is wrong.
    pub is_warning: bool,
    /// One word.
    pub reason: &'static str,
    /// For people.
    pub note: String,
}

/// Changes by others that are put back.
pub fn of_plan(decision: &Decision) -> Vec<Event> {
    decision.plan.steps.iter().filter_map(drift).collect()
}

fn drift(step: &Step) -> Option<Event> {
    let Step::Update { object, cause: Cause::Drift { field, managers }, .. } = step else { return None };
    let who = if managers.is_empty() { "somebody".to_owned() } else { managers.join(", ") };
    let note = format!("{}: {field} was changed by {who}; it is put back to what git says", object.key);
    Some(Event { is_warning: true, reason: "DriftCorrected", note })
}

/// What is news in a status.
pub fn of_status(before: Option<&GitSyncStatus>, after: &GitSyncStatus) -> Vec<Event> {
    let condition = |status: Option<&GitSyncStatus>, type_| {
        let found = conditions::find(&status?.conditions, type_)?;
        Some((found.status.clone(), found.reason.clone(), found.message.clone()))
    };
    let news =
        |type_| condition(Some(after), type_).filter(|now| condition(before, type_).as_ref() != Some(now));
    let mut events = Vec::new();
    if let Some((_, _, note)) =
        news(conditions::FETCHED).filter(|(_, reason, _)| reason == reasons::HISTORY_REWRITTEN)
    {
        events.push(Event { is_warning: true, reason: reasons::HISTORY_REWRITTEN, note });
    }
    if let Some((_, _, note)) = news(conditions::READY).filter(|(status, ..)| status == "False") {
        events.push(Event { is_warning: true, reason: "NotReady", note });
    }
    let revision = |status: &GitSyncStatus| status.last_applied_revision.clone();
    if let Some(applied) = revision(after).filter(|_| revision(after) != before.and_then(revision)) {
        let note = condition(Some(after), conditions::APPLIED).map_or(applied, |(_, _, message)| message);
        events.push(Event { is_warning: false, reason: reasons::APPLIED, note });
    }
    events
}
