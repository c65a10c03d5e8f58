//! What people are told when it happens, beside the status.

use slipway_crds::v1alpha1::GitSyncStatus;
use slipway_crds::{conditions, reasons};

use crate::event::Event;

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
