//! The environments that only a person can set going again.

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::DevEnvironment;

use super::check::Check;
use crate::environment::{self, State};

/// One line for each that is stalled, with what it says of itself.
pub fn look(environments: &[DevEnvironment]) -> Vec<Check> {
    let stalled = environments.iter().filter(|found| environment::state(found) == State::Stalled);
    stalled.map(of_stalled).collect()
}

fn of_stalled(stalled: &DevEnvironment) -> Check {
    let message = format!("{} is stalled: {}", stalled.name_any(), environment::message(stalled));
    Check::failed(
        "environment",
        message,
        "correct what it says, then push or apply it; what runs goes on meanwhile",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(type_: &str, message: &str) -> DevEnvironment {
        let condition = |type_: &str, status: &str| {
            json!({"type": type_, "status": status, "reason": "ManifestInvalid", "message": message,
                "lastTransitionTime": "2026-11-22T10:00:00Z"})
        };
        let conditions = [condition("Ready", "False"), condition(type_, "True")];
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "demo"}, "spec": {"services": ["www"]}, "status": {"conditions": conditions}}))
        .unwrap()
    }

    #[test]
    fn what_is_stalled_says_what_to_correct_and_what_starts_says_nothing() {
        let told = look(&[
            environment("Stalled", "manifest.yaml:4:1: unknown field `rnu`"),
            environment("Reconciling", "it starts"),
        ]);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].message, "demo is stalled: manifest.yaml:4:1: unknown field `rnu`");
    }
}
