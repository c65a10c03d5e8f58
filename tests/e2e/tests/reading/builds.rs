//! A `ServiceBuild` in each of its states.

use serde_json::json;
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{BuildOutcome, BuildStep, ServiceBuild, ServiceBuildStatus};
use slipway_plan::build::say::says;

use crate::states::{Kstatus, State, deleted};
use crate::support::at;

fn build() -> ServiceBuild {
    let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceBuild",
        "metadata": {"name": "www", "namespace": "reading", "generation": 1},
        "spec": {"service": "www", "commit": "main"}});
    serde_json::from_value(object).unwrap()
}

fn with(step: BuildStep, outcome: Option<BuildOutcome>, message: &str) -> ServiceBuild {
    let status = ServiceBuildStatus {
        observed_generation: Some(1),
        step,
        outcome,
        message: message.to_owned(),
        ..ServiceBuildStatus::default()
    };
    let conditions = conditions::set(&[], says(&status), 1, at(0));
    ServiceBuild { status: Some(ServiceBuildStatus { conditions, ..status }), ..build() }
}

fn under_way(name: &'static str, step: BuildStep, message: &str) -> State {
    State::of(name, &with(step, None, message), Kstatus::InProgress)
}

fn over(name: &'static str, outcome: BuildOutcome, message: &str, kstatus: Kstatus) -> State {
    State::of(name, &with(BuildStep::Finished, Some(outcome), message), kstatus)
}

/// All of them.
pub fn all() -> Vec<State> {
    let ending = deleted(with(BuildStep::Building, None, "its pod works"));
    vec![
        State::new("new-build", &build()),
        under_way("build-waits", BuildStep::Waiting, "there is no branch, tag or commit gone"),
        under_way("build-queued", BuildStep::Queued, "2 builds are before it"),
        under_way("build-works", BuildStep::Building, "its pod works"),
        under_way("build-tested", BuildStep::Testing, "its unit tests run"),
        over("built", BuildOutcome::Succeeded, "the unit tests passed", Kstatus::Current),
        over("build-failed", BuildOutcome::Failed, "provisioning failed: no water", Kstatus::Failed),
        over("build-lost", BuildOutcome::Error, "the Job of the build disappeared", Kstatus::Failed),
        over("build-cancelled", BuildOutcome::Cancelled, "somebody asked to cancel it", Kstatus::Current),
        State::of("build-ending", &ending, Kstatus::Terminating),
    ]
}
