//! What a `GitSync` would do, for people.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Decision, Facts, Held, is_due};
use super::files::Reading;
use super::{inventory, opt_out};
use crate::diff::{self, Step};
use crate::object::ObjectKey;
use crate::preview::{self, Act, PlannedStep, Preview, Rehearsed};

/// What the API server said to each step that was rehearsed, or why it refuses it.
pub type Rehearsals = BTreeMap<ObjectKey, Result<Rehearsed, String>>;

/// What would be made, changed, pruned, held back and refused, and what would stay.
pub fn preview(of: String, facts: &Facts<'_>, decision: &Decision, rehearsals: &Rehearsals) -> Preview {
    let reading = facts.reading;
    let mut told = Preview { of, problems: problems(reading, decision, rehearsals), ..Preview::default() };
    let accepted = decision.plan.steps.iter().filter(|step| refusal(step, rehearsals).is_none());
    told.steps = accepted.map(|step| planned(reading, step, rehearsals)).collect();
    if let Some(held) = &decision.held {
        told.steps.extend(held_back(facts).into_iter().map(|key| hold(&key, held)));
    }
    if decision.terminating > 0 {
        let wait = format!(
            "{} objects that somebody deleted: they are made again once they are gone",
            decision.terminating
        );
        told.waits.push(wait);
    }
    told.unchanged = unchanged(facts, decision);
    told
}

fn planned(reading: &Reading, step: &Step, rehearsals: &Rehearsals) -> PlannedStep {
    let key = key(step);
    let rehearsed = rehearsals.get(key).and_then(|rehearsed| rehearsed.as_ref().ok());
    PlannedStep { place: place(reading, key), ..preview::step(step, rehearsed) }
}

fn problems(reading: &Reading, decision: &Decision, rehearsals: &Rehearsals) -> Vec<String> {
    let at = |key: &ObjectKey| place(reading, key).map(|place| format!("{place}: ")).unwrap_or_default();
    let mistakes = reading.mistakes.iter().map(|mistake| mistake.error.to_string());
    let conflicts = decision.plan.conflicts.iter().map(|conflict| format!("{}{conflict}", at(&conflict.key)));
    let refusals =
        decision.plan.steps.iter().filter_map(|step| {
            refusal(step, rehearsals).map(|refusal| format!("{}{refusal}", at(key(step))))
        });
    mistakes.chain(conflicts).chain(refusals).collect()
}

fn refusal<'a>(step: &Step, rehearsals: &'a Rehearsals) -> Option<&'a String> {
    rehearsals.get(key(step)).and_then(|rehearsed| rehearsed.as_ref().err())
}

fn key(step: &Step) -> &ObjectKey {
    match step {
        Step::Create(object) | Step::Update { object, .. } => &object.key,
        Step::Delete { key, .. } => key,
    }
}

/// File and line.
fn place(reading: &Reading, key: &ObjectKey) -> Option<String> {
    let file = reading.origins.get(key)?;
    Some(format!("{file}:{}", reading.lines.get(key)?))
}

/// The objects whose deletes wait.
fn held_back(facts: &Facts<'_>) -> Vec<ObjectKey> {
    let Facts { sync, reading, observed, .. } = facts;
    let owner = inventory::owner(sync);
    let mut plan = diff::diff(&owner, &reading.objects, &inventory::kept(sync, reading), observed);
    opt_out::honour(&mut plan, observed);
    let due = plan.steps.into_iter().filter(|step| is_due(sync, &owner, step));
    due.filter_map(|step| if let Step::Delete { key, .. } = step { Some(key) } else { None }).collect()
}

fn hold(key: &ObjectKey, held: &Held) -> PlannedStep {
    let confirm = if held.why.can_be_confirmed() { ", unless it is confirmed" } else { "" };
    let why = format!("no longer declared, but it stays: {}{confirm}", held.why.text());
    PlannedStep { act: Act::Hold, object: key.to_string(), place: None, why: Some(why), fields: Vec::new() }
}

/// Declared objects for which nothing is to be done.
fn unchanged(facts: &Facts<'_>, decision: &Decision) -> Vec<String> {
    let steps = decision.plan.steps.iter().map(key);
    let conflicts = decision.plan.conflicts.iter().map(|conflict| &conflict.key);
    let going = facts.observed.iter().filter(|found| found.is_terminating()).map(|found| &found.key);
    let busy: BTreeSet<&ObjectKey> = steps.chain(conflicts).chain(going).collect();
    let declared = facts.reading.objects.iter().map(|object| &object.key);
    declared.filter(|key| !busy.contains(key)).map(ToString::to_string).collect()
}
