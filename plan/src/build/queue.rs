//! Whose turn it is.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::v1alpha1::BuildStep;

/// How much later than it was made a build counts as made that nobody waits for: those that people wait for overtake it,
/// but not for ever.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// When a build counts as made, for whose turn it is.
pub fn counts_from(made: Timestamp, is_waited_for: bool) -> Timestamp {
    if is_waited_for { made } else { made.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX) }
}

/// A build of the fleet that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its name.
    pub name: String,
    /// When it counts as made: see [`counts_from`].
    pub made: Timestamp,
    /// How far it is.
    pub step: BuildStep,
}

impl Queued {
    fn runs(&self) -> bool {
        matches!(
            self.step,
            BuildStep::Starting | BuildStep::Building | BuildStep::Testing | BuildStep::Naming
        )
    }

    fn waits(&self) -> bool {
        self.step == BuildStep::Queued
    }
}

/// How many builds are before this one: those that run, then those that were made before. It is its turn when these are
/// fewer than `concurrency`.
pub fn ahead(name: &str, made: Timestamp, all: &[Queued]) -> usize {
    let others = all.iter().filter(|other| other.name != name);
    let before =
        |other: &&Queued| other.runs() || (other.waits() && (other.made, other.name.as_str()) < (made, name));
    others.filter(before).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn build(name: &str, made: i64, step: BuildStep) -> Queued {
        Queued { name: name.to_owned(), made: Timestamp::from_second(made).unwrap(), step }
    }

    fn ahead_of(build: &Queued, all: &[Queued]) -> usize {
        ahead(&build.name, build.made, all)
    }

    #[test]
    fn what_runs_and_what_was_made_before_is_ahead() {
        let all = [
            build("runs", 9, BuildStep::Testing),
            build("first", 1, BuildStep::Queued),
            build("second", 2, BuildStep::Queued),
            build("unknown", 0, BuildStep::Waiting),
        ];
        assert_eq!((ahead_of(&all[1], &all), ahead_of(&all[2], &all)), (1, 2));
    }

    #[test]
    fn what_people_wait_for_overtakes_what_is_only_tried_but_not_for_ever() {
        let tried = |made| Queued {
            made: counts_from(Timestamp::from_second(made).unwrap(), false),
            ..build("tried", made, BuildStep::Queued)
        };
        let wanted = build("wanted", 100, BuildStep::Queued);
        assert_eq!(ahead_of(&wanted, &[wanted.clone(), tried(0)]), 0);
        assert_eq!(ahead_of(&tried(0), &[wanted.clone(), tried(0)]), 1);
        let late = build("late", 601, BuildStep::Queued);
        assert_eq!(ahead_of(&late, &[late.clone(), tried(0)]), 1);
        assert_eq!(counts_from(late.made, true), late.made);
    }

    proptest! {
        #[test]
        fn at_most_as_many_start_as_there_is_room(made in proptest::collection::vec(0_i64..3, 1..12), running in 0_usize..4, room in 1_usize..5) {
            let mut all: Vec<Queued> =
                made.iter().enumerate().map(|(n, made)| build(&format!("b{n}"), *made, BuildStep::Queued)).collect();
            let waiting = all.len();
            all.extend((0..running).map(|n| build(&format!("r{n}"), 5, BuildStep::Building)));
            let start = all.iter().filter(|one| one.step == BuildStep::Queued && ahead_of(one, &all) < room).count();
            prop_assert_eq!(start, waiting.min(room.saturating_sub(running)));
        }
    }
}
