//! Which builds are made again by themselves: the one table of it.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::v1alpha1::{BuildOutcome, BuildStep, ServiceBuildStatus};

/// How long a build that could not be made, though its commits may be good, stays before it makes room for another try.
const ERROR_STAYS: SignedDuration = SignedDuration::from_mins(5);

/// When a build that is over makes room for another try of the same; never when trying again would end the same.
///
/// | outcome | |
/// |---|---|
/// | `Succeeded` | never |
/// | `Failed` | never: another commit is needed, or a person asks again |
/// | `Error` | after five minutes, as long as somebody wants the image |
/// | `Cancelled` | never: who wants it after all asks again |
pub fn at(status: &ServiceBuildStatus) -> Option<Timestamp> {
    let since = status.since.filter(|_| status.step == BuildStep::Finished)?;
    match status.outcome? {
        BuildOutcome::Error => since.checked_add(ERROR_STAYS).ok(),
        BuildOutcome::Succeeded | BuildOutcome::Failed | BuildOutcome::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_nobodys_fault_is_tried_again() {
        let ended = Timestamp::from_second(1_000).unwrap();
        let finished = |outcome| ServiceBuildStatus {
            step: BuildStep::Finished,
            outcome: Some(outcome),
            since: Some(ended),
            ..ServiceBuildStatus::default()
        };
        assert_eq!(at(&finished(BuildOutcome::Error)), Some(ended + ERROR_STAYS));
        for outcome in [BuildOutcome::Succeeded, BuildOutcome::Failed, BuildOutcome::Cancelled] {
            assert_eq!(at(&finished(outcome)), None, "{outcome:?}");
        }
        assert_eq!(at(&ServiceBuildStatus::default()), None);
    }
}
