//! Which revisions were tried, and what became of them. What one look did is not counted: an operator that is killed in the
//! middle of it would not remember.

use slipway_crds::reasons;
use slipway_crds::v1alpha1::AppliedRevision;

/// How many revisions are remembered.
pub const LENGTH: usize = 10;

/// The history after an attempt. A revision that is tried again changes its own entry, and one that is applied in full only
/// when it no longer is: what is put back later is no news of the revision.
pub(super) fn after(before: &[AppliedRevision], attempt: AppliedRevision) -> Vec<AppliedRevision> {
    let mut history = before.to_vec();
    match history.first_mut() {
        Some(last) if last.revision == attempt.revision => again(last, attempt),
        _ => history.insert(0, attempt),
    }
    history.truncate(LENGTH);
    history
}

fn again(last: &mut AppliedRevision, attempt: AppliedRevision) {
    if last.outcome == attempt.outcome && last.outcome == reasons::APPLIED {
        return;
    }
    last.declared = attempt.declared;
    if last.outcome != attempt.outcome {
        last.outcome = attempt.outcome;
        last.at = attempt.at;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn attempt(revision: &str, second: i64, outcome: &str) -> AppliedRevision {
        AppliedRevision {
            revision: revision.to_owned(),
            at: Timestamp::from_second(second).unwrap(),
            outcome: outcome.to_owned(),
            declared: 3,
        }
    }

    #[test]
    fn a_revision_that_stays_applied_changes_nothing() {
        let history = after(&[], attempt("a", 1, "Applied"));
        assert_eq!(after(&history, attempt("a", 2, "Applied")), history);
        assert_eq!(after(&history, attempt("a", 3, "Applied")), history, "drift was put back");
    }

    #[test]
    fn what_failed_and_then_worked_is_one_entry() {
        let failed = after(&[], attempt("a", 1, "ApplyFailed"));
        assert_eq!(after(&failed, attempt("a", 2, "ApplyFailed")), failed, "trying again is no news");
        assert_eq!(after(&failed, attempt("a", 3, "Applied")), [attempt("a", 3, "Applied")]);
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut history = Vec::new();
        for number in 0..12 {
            history = after(&history, attempt(&number.to_string(), number, "Applied"));
        }
        let revisions: Vec<_> = history.iter().map(|entry| entry.revision.as_str()).collect();
        assert_eq!(revisions, ["11", "10", "9", "8", "7", "6", "5", "4", "3", "2"]);
        let back = after(&history, attempt("10", 20, "Applied"));
        assert_eq!((back[0].revision.as_str(), back[2].revision.as_str(), back.len()), ("10", "10", LENGTH));
    }
}
