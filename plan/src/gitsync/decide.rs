//! What is to be done about a revision, and what of it waits for a person.

use std::fmt;

use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::GitSync;

use super::files::Reading;
use super::settled::Settled;
use super::{inventory, opt_out};
use crate::commit::CommitId;
use crate::diff::{self, Owner, Plan, Step};
use crate::object::Observed;

/// At most this many objects are pruned without a second look, however few there are.
pub const FREELY_PRUNED: usize = 3;

/// What is known when a revision is to be applied.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The `GitSync`, with the inventory in its status.
    pub sync: &'a GitSync,
    /// The commit whose files were read.
    pub revision: &'a CommitId,
    /// Whether that commit is what the server has now.
    pub is_current: bool,
    /// Whether the commit is not built on the last one that was applied from the same branch or tag.
    pub is_rewritten: bool,
    /// What its files say.
    pub reading: &'a Reading,
    /// All objects of Slipway's kinds in the `GitSync`'s namespace, and of other kinds what `GitSync`s made.
    pub observed: &'a [Observed],
    /// In which way the API server keeps what was written.
    pub settled: &'a Settled,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Decision {
    /// On whose behalf.
    pub owner: Owner,
    /// The acts. Deletes only of what is recorded, and only when they need not wait.
    pub plan: Plan,
    /// The deletes that wait.
    pub held: Option<Held>,
    /// Declared objects that somebody deleted and that are not gone yet.
    pub terminating: usize,
    /// Declared objects that ask to be left alone.
    pub left_alone: usize,
}

/// Deletes that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// How many objects would be deleted.
    pub deletes: usize,
    /// What they are measured by, see [`measure`].
    pub of: usize,
    /// Why they wait.
    pub why: HeldBecause,
    /// The commit that no longer declares them.
    pub revision: CommitId,
}

/// Why deletes wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBecause {
    /// The server could not be asked: what is applied is an earlier commit.
    NotCurrent,
    /// Of a file nothing can be told: it may declare anything.
    Unreadable,
    /// The revision declares nothing at all.
    Empty,
    /// History was rewritten.
    Rewritten,
    /// It is more than half of all objects.
    TooMany,
}

impl HeldBecause {
    /// Whether a person's confirmation lets them go ahead.
    pub fn can_be_confirmed(self) -> bool {
        matches!(self, Self::Rewritten | Self::TooMany)
    }

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotCurrent => "the repository could not be read",
            Self::Unreadable => "a file with a mistake may declare them; correct it",
            Self::Empty => "the revision declares nothing at all; to delete everything, delete the GitSync",
            Self::Rewritten => "history was rewritten",
            Self::TooMany => "it is more than half of them",
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deletes, of, why, revision } = self;
        write!(formatter, "{deletes} of {of} objects are no longer declared and wait to be deleted: ")?;
        formatter.write_str(why.text())?;
        if why.can_be_confirmed() {
            write!(
                formatter,
                "; to delete them, annotate the GitSync with {}={revision}",
                names::CONFIRM_PRUNE
            )?;
        }
        Ok(())
    }
}

/// Compares what the files say with what is there.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let Facts { sync, revision, reading, observed, settled, .. } = facts;
    let owner = inventory::owner(sync);
    let mut plan = diff::diff(&owner, &reading.objects, &inventory::kept(sync, reading), observed);
    settled.leave_be(&mut plan, observed);
    opt_out::honour(&mut plan, observed);
    plan.steps.retain(|step| is_due(sync, &owner, step));
    let deletes = plan.steps.iter().filter(|step| is_delete(step)).count();
    let held = hold(facts, deletes, measure(sync));
    let held = held.filter(|held| !(held.why.can_be_confirmed() && is_confirmed(sync, revision)));
    if held.is_some() {
        plan.steps.retain(|step| !is_delete(step));
    }
    let is_declared = |found: &&Observed| reading.objects.iter().any(|object| object.key == found.key);
    let terminating = observed.iter().filter(|found| found.is_terminating()).filter(is_declared).count();
    let left_alone = opt_out::left_alone(reading, observed);
    Decision { owner, plan, held, terminating, left_alone }
}

/// Everything but a delete is due. An object that we made and did not record is recorded first: deletes wait for the record.
pub(super) fn is_due(sync: &GitSync, owner: &Owner, step: &Step) -> bool {
    match step {
        Step::Delete { uid, .. } => sync.spec.prune && owner.recorded.contains(uid),
        Step::Create(_) | Step::Update { .. } => true,
    }
}

/// What deletes are measured by: how many objects the last revision declared that was applied in full, or, before there was
/// one, as many as were recorded first. Not the inventory as it is: it grows by what a revision adds before the deletes of
/// the same revision are confirmed, and renaming everything would pass at the second look.
pub(super) fn measure(sync: &GitSync) -> usize {
    let status = sync.status.as_ref();
    let recorded = status.map_or(0, |status| status.inventory.len());
    let measure =
        status.and_then(|status| status.prune_measure).and_then(|count| usize::try_from(count).ok());
    measure.unwrap_or(recorded)
}

fn is_delete(step: &Step) -> bool {
    matches!(step, Step::Delete { .. })
}

fn hold(facts: &Facts<'_>, deletes: usize, of: usize) -> Option<Held> {
    let why = match facts {
        _ if deletes == 0 => return None,
        Facts { is_current: false, .. } => HeldBecause::NotCurrent,
        Facts { reading, .. } if !reading.is_complete => HeldBecause::Unreadable,
        Facts { reading, .. } if reading.is_empty() => HeldBecause::Empty,
        Facts { is_rewritten: true, .. } => HeldBecause::Rewritten,
        _ if deletes > FREELY_PRUNED && deletes * 2 > of => HeldBecause::TooMany,
        _ => return None,
    };
    Some(Held { deletes, of, why, revision: facts.revision.clone() })
}

/// Whether the annotation names this revision, by at least eight of its digits.
fn is_confirmed(sync: &GitSync, revision: &CommitId) -> bool {
    let confirmed = sync.annotations().get(names::CONFIRM_PRUNE);
    confirmed.is_some_and(|text| text.len() >= 8 && revision.as_str().starts_with(text.as_str()))
}
