//! The conditions of a build: kstatus and `kubectl wait` understand them.

use slipway_crds::conditions::{self, Say};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildOutcome, ServiceBuildStatus};

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
