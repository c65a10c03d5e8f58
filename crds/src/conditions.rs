//! Condition types, and how one is set without touching what did not change.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Summary: the object is as declared and works. It is not there while the object is meant to do nothing: then [`ENDED`] or
/// [`SUSPENDED`] is.
pub const READY: &str = "Ready";
/// Present only once an environment has ended, as it was asked to.
pub const ENDED: &str = "Ended";
/// Present only while a person has paused it.
pub const SUSPENDED: &str = "Suspended";
/// Present only while work is under way.
pub const RECONCILING: &str = "Reconciling";
/// Present only while a person is needed.
pub const STALLED: &str = "Stalled";
/// The last fetch from git worked.
pub const FETCHED: &str = "Fetched";
/// The last good revision is applied in full.
pub const APPLIED: &str = "Applied";
/// An object of that name exists and is not ours; abnormal when true.
pub const CONFLICT: &str = "Conflict";

/// What a condition says; `set` turns it into a [`Condition`] with times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// Condition type, for example [`READY`].
    pub type_: &'static str,
    /// `Some(true)` is True, `Some(false)` is False, `None` is Unknown.
    pub status: Option<bool>,
    /// One word of [`crate::reasons`].
    pub reason: &'static str,
    /// For people: what, on what, and what to do.
    pub message: String,
}

impl Say {
    /// A condition that holds.
    pub fn yes(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: Some(true), reason, message: message.into() }
    }

    /// A condition that does not hold.
    pub fn no(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: Some(false), reason, message: message.into() }
    }

    /// A condition nobody can tell of yet.
    pub fn unknown(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: None, reason, message: message.into() }
    }
}

/// The conditions that `says` describe: `lastTransitionTime` is kept where the status did not change,
/// and conditions nobody speaks of any more are gone.
pub fn set(old: &[Condition], says: Vec<Say>, generation: i64, now: Timestamp) -> Vec<Condition> {
    says.into_iter().map(|say| condition(old, say, generation, now)).collect()
}

/// One condition that `say` describes, with the time of the old one where the status did not change.
pub fn condition(old: &[Condition], say: Say, generation: i64, now: Timestamp) -> Condition {
    let status = match say.status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let unchanged = old.iter().find(|c| c.type_ == say.type_ && c.status == status);
    Condition {
        type_: say.type_.to_owned(),
        status: status.to_owned(),
        reason: say.reason.to_owned(),
        message: say.message,
        observed_generation: Some(generation),
        last_transition_time: unchanged.map_or(Time(now), |c| c.last_transition_time.clone()),
    }
}

/// The condition of this type, if it is there.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Whether the condition of this type is there and True.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_transition_time_changes_only_with_the_status() {
        let first = set(&[], vec![Say::no(READY, "A", "a")], 1, at(10));
        let second = set(&first, vec![Say::no(READY, "B", "b")], 2, at(20));
        assert_eq!(second[0].last_transition_time.0, at(10));
        assert_eq!((second[0].reason.as_str(), second[0].observed_generation), ("B", Some(2)));
        let third = set(&second, vec![Say::yes(READY, "C", "c")], 2, at(30));
        assert_eq!(third[0].last_transition_time.0, at(30));
    }

    #[test]
    fn a_condition_nobody_speaks_of_is_gone() {
        let first = set(&[], vec![Say::yes(STALLED, "A", "a")], 1, at(1));
        assert!(set(&first, vec![], 1, at(2)).is_empty());
    }
}
