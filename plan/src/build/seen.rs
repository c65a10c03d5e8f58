//! A build as those see it that wait for its image.

use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildOutcome, ServiceBuildStatus};

use crate::environment::resolve::{FoundDigest, Unavailable};

/// The image that a build made, or how far it is. An image whose unit tests failed is none.
pub fn image(name: &str, status: Option<&ServiceBuildStatus>) -> FoundDigest {
    let Some(status) = status else {
        return waits(reasons::IMAGE_BUILDING, name, "nobody has looked at it yet");
    };
    match (status.outcome, &status.image) {
        (Some(BuildOutcome::Succeeded), Some(image)) => FoundDigest::Image(image.clone()),
        (Some(BuildOutcome::Cancelled), _) => waits(reasons::CANCELLED, name, &status.message),
        (Some(_), _) => waits(reasons::BUILD_FAILED, name, &status.message),
        (None, _) => waits(reasons::IMAGE_BUILDING, name, &format!("{:?}: {}", status.step, status.message)),
    }
}

fn waits(reason: &'static str, name: &str, said: &str) -> FoundDigest {
    FoundDigest::NotBuilt(Unavailable { reason, message: format!("build {name}: {said}") })
}

#[cfg(test)]
mod tests {
    use slipway_crds::v1alpha1::BuildStep;

    use super::*;

    fn status(step: BuildStep, outcome: Option<BuildOutcome>) -> ServiceBuildStatus {
        let (image, message) = (Some("www@sha256:1".to_owned()), "so it is".to_owned());
        ServiceBuildStatus { step, outcome, image, message, ..ServiceBuildStatus::default() }
    }

    fn told(status: Option<&ServiceBuildStatus>) -> (&'static str, String) {
        match image("www-1", status) {
            FoundDigest::NotBuilt(why) => (why.reason, why.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_good_image_is_run() {
        let good = status(BuildStep::Finished, Some(BuildOutcome::Succeeded));
        assert_eq!(image("www-1", Some(&good)), FoundDigest::Image("www@sha256:1".to_owned()));
        let failed = status(BuildStep::Finished, Some(BuildOutcome::Failed));
        assert_eq!(told(Some(&failed)), (reasons::BUILD_FAILED, "build www-1: so it is".to_owned()));
    }

    #[test]
    fn who_waits_sees_the_step() {
        let said = told(Some(&status(BuildStep::Building, None)));
        assert_eq!(said, (reasons::IMAGE_BUILDING, "build www-1: Building: so it is".to_owned()));
        assert_eq!(told(None).1, "build www-1: nobody has looked at it yet");
    }
}
