//! What the status says after an attempt.

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::conditions::{self, Say};
use slipway_crds::v1alpha1::{AppliedRevision, GitSync, GitSyncStatus, InventoryEntry, Suspension};
use slipway_crds::{names, reasons};

use super::decide::{self, Decision};
use super::files::Reading;
use super::source::{self, Failure, Fetched, Followed};
use super::{history, inventory};
use crate::commit::CommitId;
use crate::diff::Conflict;
use crate::object::{ObjectKey, Observed};

/// How many of a list are named in a message.
const NAMED: usize = 3;

/// What became of a plan.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Objects as the API server returned them.
    pub written: Vec<Observed>,
    /// Objects that turned out to be somebody else's while they were made.
    pub conflicts: Vec<Conflict>,
    /// Steps that failed.
    pub refusals: Vec<Refusal>,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was attempted, and the API server's words.
    pub message: String,
    /// Whether it was a delete.
    pub is_delete: bool,
    /// Whether a right is missing.
    pub is_forbidden: bool,
    /// Whether trying again will hardly help before a person changes something.
    pub needs_a_person: bool,
}

/// One attempt to apply a revision, from beginning to end.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The `GitSync` as it was read.
    pub sync: &'a GitSync,
    /// What the repository gave.
    pub fetched: &'a Fetched,
    /// The commit that was applied before and is no longer part of the branch.
    pub rewritten: Option<&'a str>,
    /// What was decided and done; none when no revision could be read.
    pub applied: Option<Applied<'a>>,
}

/// What was decided and done.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// What the files said.
    pub reading: &'a Reading,
    /// What was there before.
    pub observed: &'a [Observed],
    /// What was to be done.
    pub decision: &'a Decision,
    /// What became of it.
    pub outcome: &'a Outcome,
}

/// Something that keeps the revision from being applied in full.
struct Problem {
    reason: &'static str,
    message: String,
    needs_a_person: bool,
}

/// The status after an attempt.
pub fn status(attempt: &Attempt<'_>, now: Timestamp) -> GitSyncStatus {
    let Attempt { sync, fetched, applied, .. } = attempt;
    let before = sync.status.clone().unwrap_or_default();
    let problems = applied.as_ref().map(|applied| problems(attempt, applied)).unwrap_or_default();
    let says = says(attempt, &problems);
    let mut status = begin(sync, says, now);
    if let (Some(applied), Some(revision)) = (applied, fetched.revision()) {
        status.inventory =
            inventory::merge(sync, applied.observed, &applied.outcome.written, Some(applied.reading));
        status.last_attempted_revision = Some(revision.to_string());
        if matches!(fetched, Fetched::Head(_)) {
            let tried = tried(applied, revision, problems.first(), now);
            status.history = history::after(&before.history, tried);
        }
        if problems.is_empty() && matches!(fetched, Fetched::Head(_)) {
            status.last_applied_revision = Some(revision.to_string());
            status.last_applied_source = Some(source::identity(&sync.spec));
            status.prune_measure = i64::try_from(applied.reading.objects.len()).ok();
        } else if status.prune_measure.is_none() {
            status.prune_measure = i64::try_from(decide::measure(sync)).ok().filter(|measure| *measure > 0);
        }
    } else {
        status.inventory = before.inventory;
    }
    status
}

fn tried(
    applied: &Applied<'_>,
    revision: &CommitId,
    problem: Option<&Problem>,
    now: Timestamp,
) -> AppliedRevision {
    AppliedRevision {
        revision: revision.to_string(),
        at: now,
        outcome: problem.map_or(reasons::APPLIED, |problem| problem.reason).to_owned(),
        declared: i64::try_from(applied.reading.objects.len()).unwrap_or(i64::MAX),
    }
}

/// The status while nothing can be looked at: what was applied stays.
pub fn hindered(sync: &GitSync, failure: &Failure, now: Timestamp) -> GitSyncStatus {
    let Failure { reason, message, needs_a_person } = failure;
    let unfinished = if *needs_a_person { conditions::STALLED } else { conditions::RECONCILING };
    let says = vec![
        Say::no(conditions::READY, reason, message.clone()),
        Say::yes(unfinished, reason, message.clone()),
    ];
    begin(sync, says, now)
}

/// The status while a pause is in force.
pub fn suspended(sync: &GitSync, suspension: &Suspension, now: Timestamp) -> GitSyncStatus {
    let by = suspension.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let until = suspension.until.map(|until| format!(" until {until}")).unwrap_or_default();
    let message = format!("suspended{by}{until}: {}; remove `suspend` to go on", suspension.reason);
    begin(sync, vec![Say::yes(conditions::SUSPENDED, reasons::SUSPENDED, message)], now)
}

/// The status while the `GitSync` is being deleted.
pub fn ending(
    sync: &GitSync,
    waiting: &[ObjectKey],
    inventory: Option<Vec<InventoryEntry>>,
    now: Timestamp,
) -> GitSyncStatus {
    let message = match waiting {
        [] => "deleting what it made".to_owned(),
        keys => format!("waits until they are gone: {}", some(keys.iter().map(ToString::to_string))),
    };
    let says = vec![
        Say::no(conditions::READY, reasons::TERMINATING, message.clone()),
        Say::yes(conditions::RECONCILING, reasons::TERMINATING, message),
    ];
    let mut status = begin(sync, says, now);
    if let Some(inventory) = inventory {
        status.inventory = inventory;
    }
    status
}

/// The status as it was, with other conditions, and with the request answered.
fn begin(sync: &GitSync, says: Vec<Say>, now: Timestamp) -> GitSyncStatus {
    let before = sync.status.clone().unwrap_or_default();
    let generation = sync.metadata.generation.unwrap_or_default();
    GitSyncStatus {
        observed_generation: Some(generation),
        conditions: conditions::set(&before.conditions, says, generation, now),
        last_handled_reconcile_at: sync.annotations().get(names::REQUESTED_AT).cloned(),
        ..before
    }
}

fn says(attempt: &Attempt<'_>, problems: &[Problem]) -> Vec<Say> {
    let mut says = vec![ready(attempt, problems), fetched(attempt)];
    if let Some(applied) = &attempt.applied {
        says.push(match problems.first() {
            Some(first) => Say::no(conditions::APPLIED, first.reason, all(problems)),
            None => Say::yes(conditions::APPLIED, reasons::APPLIED, success(attempt, applied)),
        });
        says.extend(conflict(applied));
    }
    says.extend(unfinished(attempt, problems));
    says
}

fn ready(attempt: &Attempt<'_>, problems: &[Problem]) -> Say {
    match (attempt.fetched, problems.first(), &attempt.applied) {
        (Fetched::Failed { failure, last }, _, _) => {
            let kept = last.as_ref().map(|last| format!("; commit {} stays applied", last.short()));
            let message = format!("{}{}", failure.message, kept.unwrap_or_default());
            Say::no(conditions::READY, failure.reason, message)
        }
        (Fetched::Head(_), Some(first), _) => Say::no(conditions::READY, first.reason, all(problems)),
        (Fetched::Head(_), None, Some(applied)) => {
            Say::yes(conditions::READY, reasons::APPLIED, success(attempt, applied))
        }
        (Fetched::Head(_), None, None) => {
            Say::unknown(conditions::READY, reasons::PROGRESSING, "the revision is about to be applied")
        }
    }
}

fn fetched(attempt: &Attempt<'_>) -> Say {
    let Fetched::Head(head) = attempt.fetched else { return failed(attempt.fetched) };
    let followed = Followed::of(&attempt.sync.spec);
    match attempt.rewritten {
        Some(before) => {
            let message =
                format!("{followed} was rewritten: {before} is no longer part of it; it is at {head} now");
            Say::yes(conditions::FETCHED, reasons::HISTORY_REWRITTEN, message)
        }
        None => Say::yes(conditions::FETCHED, reasons::FETCHED, format!("{followed} is at {head}")),
    }
}

fn failed(fetched: &Fetched) -> Say {
    match fetched {
        Fetched::Failed { failure, .. } => {
            Say::no(conditions::FETCHED, failure.reason, failure.message.clone())
        }
        Fetched::Head(head) => Say::yes(conditions::FETCHED, reasons::FETCHED, head.to_string()),
    }
}

fn success(attempt: &Attempt<'_>, applied: &Applied<'_>) -> String {
    let revision = attempt.fetched.revision().map(CommitId::short).unwrap_or_default();
    let count = applied.reading.objects.len();
    let alone = match applied.decision.left_alone {
        0 => String::new(),
        alone => format!(", but for {alone} that {}: {} leaves alone", names::RECONCILE, names::DISABLED),
    };
    format!("{count} objects are as declared in {} at {revision}{alone}", Followed::of(&attempt.sync.spec))
}

fn conflict(applied: &Applied<'_>) -> Option<Say> {
    let conflicts = conflicts(applied);
    let named =
        some(conflicts.iter().map(|conflict| format!("{} belongs to {}", conflict.key, conflict.holder)));
    let message = format!("{named}; rename or delete one of the two");
    (!conflicts.is_empty()).then(|| Say::yes(conditions::CONFLICT, reasons::CONFLICT, message))
}

fn conflicts<'a>(applied: &Applied<'a>) -> Vec<&'a Conflict> {
    applied.decision.plan.conflicts.iter().chain(&applied.outcome.conflicts).collect()
}

/// `Stalled` while a person is needed, else `Reconciling` while something is left to do.
fn unfinished(attempt: &Attempt<'_>, problems: &[Problem]) -> Option<Say> {
    let failure = match attempt.fetched {
        Fetched::Failed { failure, .. } => Some(failure),
        Fetched::Head(_) => None,
    };
    let of_failure =
        |Failure { reason, message, needs_a_person }: &Failure| (*needs_a_person, *reason, message.clone());
    let of_problem = |problem: &Problem| (problem.needs_a_person, problem.reason, problem.message.clone());
    let all: Vec<_> = failure.map(of_failure).into_iter().chain(problems.iter().map(of_problem)).collect();
    if let Some((_, reason, message)) = all.iter().find(|(needs_a_person, ..)| *needs_a_person) {
        return Some(Say::yes(conditions::STALLED, reason, message.clone()));
    }
    let (_, _, message) = all.into_iter().next()?;
    Some(Say::yes(conditions::RECONCILING, reasons::PROGRESSING, message))
}

/// What keeps the revision from being applied in full, the most telling first.
fn problems(attempt: &Attempt<'_>, applied: &Applied<'_>) -> Vec<Problem> {
    let Applied { reading, decision, outcome, .. } = applied;
    let account = attempt.sync.spec.service_account_name.as_deref();
    let mut problems = Vec::new();
    if let Some(first) = reading.mistakes.first() {
        let message = some(reading.mistakes.iter().map(|mistake| mistake.error.to_string()));
        problems.push(Problem { reason: first.reason, message, needs_a_person: true });
    }
    if let Some(say) = conflict(applied) {
        problems.push(Problem { reason: say.reason, message: say.message, needs_a_person: true });
    }
    problems.extend(refused(outcome, account, false));
    problems.extend(refused(outcome, account, true));
    problems.extend(decision.held.as_ref().map(|held| Problem {
        reason: reasons::PRUNE_HELD,
        message: held.to_string(),
        needs_a_person: true,
    }));
    if decision.terminating > 0 {
        let message = format!(
            "{} objects that somebody deleted are made again once they are gone",
            decision.terminating
        );
        problems.push(Problem { reason: reasons::PROGRESSING, message, needs_a_person: false });
    }
    problems
}

fn refused(outcome: &Outcome, account: Option<&str>, is_delete: bool) -> Option<Problem> {
    let refusals: Vec<_> = outcome.refusals.iter().filter(|refusal| refusal.is_delete == is_delete).collect();
    let needs_a_person = refusals.iter().any(|refusal| refusal.needs_a_person);
    let message = some(refusals.iter().map(|refusal| refusal.message.clone()));
    let (reason, message) = match account.filter(|_| refusals.iter().any(|refusal| refusal.is_forbidden)) {
        Some(account) => (
            reasons::ACCOUNT_FORBIDDEN,
            format!(
                "service account {account} may not do all that is declared, give it a Role that lets it: {message}"
            ),
        ),
        None if is_delete => (reasons::PRUNE_FAILED, message),
        None => (reasons::APPLY_FAILED, message),
    };
    (!refusals.is_empty()).then_some(Problem { reason, message, needs_a_person })
}

fn all(problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// The first few, and how many more.
fn some(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    let named = items.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    match items.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}
