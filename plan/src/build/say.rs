//! What is said of a build: what it is at, and its conditions, which kstatus and `kubectl wait` understand.

use slipway_crds::conditions::{self, Say};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildOutcome, BuildStage, BuildStep, ServiceBuildStatus};

/// What is said of a build in this status.
pub fn says(status: &ServiceBuildStatus) -> Vec<Say> {
    let message = &status.message;
    let not_ready =
        |then, reason| vec![Say::no(conditions::READY, reason, message), Say::yes(then, reason, message)];
    match status.outcome {
        Some(BuildOutcome::Succeeded) => {
            vec![Say::yes(conditions::READY, reasons::IMAGE_BUILT, message)]
        }
        Some(BuildOutcome::Failed | BuildOutcome::Error) => {
            not_ready(conditions::STALLED, reasons::BUILD_FAILED)
        }
        // As it was asked for: there is nothing to get ready, and nobody is needed.
        Some(BuildOutcome::Cancelled) => vec![Say::yes(conditions::ENDED, reasons::CANCELLED, message)],
        None => not_ready(conditions::RECONCILING, reasons::IMAGE_BUILDING),
    }
}

/// What a build in this status is at, in words.
pub(super) fn message(status: &ServiceBuildStatus) -> String {
    match (status.step, status.stage) {
        (BuildStep::Queued, _) => match status.ahead.unwrap_or_default() {
            1 => "one build is before it".to_owned(),
            ahead => format!("{ahead} builds are before it"),
        },
        (BuildStep::Building, Some(stage)) => format!("its pod is in {stage:?}"),
        (BuildStep::Building, None) if has_pushed(status) => "the registry is asked for its image".to_owned(),
        (BuildStep::Building, None) => "its pod starts".to_owned(),
        (BuildStep::Starting, _) => "its Job is being made".to_owned(),
        (BuildStep::Testing, _) => "the unit tests run in the new image".to_owned(),
        (BuildStep::Naming, _) => "the image gets its name".to_owned(),
        (BuildStep::Waiting | BuildStep::Finished, _) => status.message.clone(),
    }
}

/// Pushing is the last thing that its pod does.
fn has_pushed(status: &ServiceBuildStatus) -> bool {
    let last = format!("{:?}", BuildStage::Push);
    status.times.iter().any(|time| time.name == last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(outcome: Option<BuildOutcome>) -> Vec<(&'static str, Option<bool>, &'static str)> {
        let status = ServiceBuildStatus { outcome, ..ServiceBuildStatus::default() };
        says(&status).iter().map(|say| (say.type_, say.status, say.reason)).collect()
    }

    #[test]
    fn each_outcome_is_told_in_the_words_of_kstatus() {
        assert_eq!(said(None)[1], (conditions::RECONCILING, Some(true), reasons::IMAGE_BUILDING));
        let good = said(Some(BuildOutcome::Succeeded));
        assert_eq!(good, [(conditions::READY, Some(true), reasons::IMAGE_BUILT)]);
        for bad in [BuildOutcome::Failed, BuildOutcome::Error] {
            assert_eq!(said(Some(bad))[1], (conditions::STALLED, Some(true), reasons::BUILD_FAILED));
        }
        let cancelled = said(Some(BuildOutcome::Cancelled));
        assert_eq!(cancelled, [(conditions::ENDED, Some(true), reasons::CANCELLED)]);
    }
}
