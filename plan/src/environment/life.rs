//! The life of an environment: when it ends, and when what is left of it goes.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::v1alpha1::{EndReason, Ended};

/// What its end depends on.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Generation of the spec.
    pub generation: i64,
    /// When this generation was first seen.
    pub started_at: Option<Timestamp>,
    /// How it ended before, if it did.
    pub ended: Option<Ended>,
    /// `spec.ttl`.
    pub ttl: Option<SignedDuration>,
    /// A person wants to keep it until then.
    pub keep_until: Option<Timestamp>,
    /// A person asked to stop it.
    pub stopped_at: Option<Timestamp>,
    /// The integration run of this generation is over.
    pub run_finished: bool,
    /// It is being deleted.
    pub deleting: bool,
}

/// What an environment should be doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs, until then if it has a `ttl`.
    Active {
        /// When it ends.
        expires_at: Option<Timestamp>,
    },
    /// Its namespace goes; the object stays with its result.
    Ended(Ended),
    /// Its namespace goes, and then the object.
    Deleting,
}

/// What the environment should be doing now.
pub fn next(facts: &Facts, now: Timestamp) -> Life {
    if facts.deleting {
        return Life::Deleting;
    }
    let expires_at = expires_at(facts, now);
    if let Some(ended) = facts.ended.as_ref().filter(|ended| stays_ended(ended, facts, now)) {
        return Life::Ended(ended.clone());
    }
    let end = |reason| Life::Ended(Ended { reason, at: now, generation: facts.generation });
    if facts.stopped_at.is_some() {
        end(EndReason::Stopped)
    } else if facts.run_finished {
        end(EndReason::Finished)
    } else if expires_at.is_some_and(|at| at <= now) {
        end(EndReason::Expired)
    } else {
        Life::Active { expires_at }
    }
}

/// A changed spec starts it again; so do taking back `stop`, and `keep` after it expired.
fn stays_ended(ended: &Ended, facts: &Facts, now: Timestamp) -> bool {
    let taken_back = match ended.reason {
        EndReason::Stopped => facts.stopped_at.is_none(),
        EndReason::Expired => facts.keep_until.is_some_and(|until| until > now),
        EndReason::Finished => false,
    };
    ended.generation == facts.generation && !taken_back
}

fn expires_at(facts: &Facts, now: Timestamp) -> Option<Timestamp> {
    let started_at = facts.started_at.unwrap_or(now);
    let by_ttl = facts.ttl.map(|ttl| started_at.saturating_add(ttl).unwrap_or(Timestamp::MAX));
    by_ttl.map(|at| facts.keep_until.map_or(at, |until| until.max(at)))
}

/// When an ended environment that was made by hand is removed; one that came from git is git's to remove.
pub fn removed_at(ended: &Ended, keep_results: SignedDuration, from_git: bool) -> Option<Timestamp> {
    let at = ended.at.saturating_add(keep_results).unwrap_or(Timestamp::MAX);
    (!from_git).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn with_ttl() -> Facts {
        let ttl = Some(SignedDuration::from_secs(60));
        Facts { generation: 1, started_at: Some(at(100)), ttl, ..Facts::default() }
    }

    fn ended(reason: EndReason) -> Ended {
        Ended { reason, at: at(160), generation: 1 }
    }

    #[test]
    fn it_runs_until_its_ttl_is_over() {
        assert_eq!(next(&with_ttl(), at(159)), Life::Active { expires_at: Some(at(160)) });
        assert_eq!(next(&with_ttl(), at(160)), Life::Ended(ended(EndReason::Expired)));
    }

    #[test]
    fn keep_prolongs_and_never_shortens() {
        let kept = |until| Facts { keep_until: Some(at(until)), ..with_ttl() };
        assert_eq!(next(&kept(500), at(200)), Life::Active { expires_at: Some(at(500)) });
        assert_eq!(next(&kept(110), at(150)), Life::Active { expires_at: Some(at(160)) });
    }

    #[test]
    fn what_ended_stays_ended_until_somebody_changes_their_mind() {
        let expired = Facts { ended: Some(ended(EndReason::Expired)), ..with_ttl() };
        assert_eq!(next(&expired, at(999)), Life::Ended(ended(EndReason::Expired)));
        let changed = Facts { generation: 2, started_at: Some(at(999)), ..expired.clone() };
        assert_eq!(next(&changed, at(999)), Life::Active { expires_at: Some(at(1059)) });
        let kept = Facts { keep_until: Some(at(2_000)), ..expired };
        assert_eq!(next(&kept, at(999)), Life::Active { expires_at: Some(at(2_000)) });
        let stopped =
            Facts { ended: Some(ended(EndReason::Stopped)), ..Facts { generation: 1, ..Facts::default() } };
        assert_eq!(next(&stopped, at(999)), Life::Active { expires_at: None });
    }

    #[test]
    fn a_finished_run_ends_it_and_deletion_comes_first() {
        let finished = Facts { run_finished: true, generation: 1, ..Facts::default() };
        assert_eq!(next(&finished, at(160)), Life::Ended(ended(EndReason::Finished)));
        assert_eq!(next(&Facts { deleting: true, ..finished }, at(160)), Life::Deleting);
    }

    #[test]
    fn only_what_was_made_by_hand_is_removed() {
        let week = SignedDuration::from_hours(168);
        assert_eq!(removed_at(&ended(EndReason::Finished), week, true), None);
        assert_eq!(removed_at(&ended(EndReason::Finished), week, false), Some(at(160 + 604_800)));
    }
}
