//! What a Fleet says of its ops repository.

use kube::api::ListParams;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet};
use slipway_crds::{conditions, reasons};

use crate::connect::Session;

/// The Fleet of the namespace, if there is exactly one and it may be seen.
pub async fn only(session: &Session) -> Option<Fleet> {
    let fleets = session.in_namespace::<Fleet>().list(&ListParams::default()).await.ok()?.items;
    <[Fleet; 1]>::try_from(fleets).ok().map(|[fleet]| fleet)
}

/// Why an environment does not run the newest commit of the ops repository, when it runs what is built with the Fleet's
/// default. None also when that cannot be asked: what is said without it is still worth saying.
pub async fn held_back(session: &Session, environment: &DevEnvironment) -> Option<String> {
    if !follows(environment) {
        return None;
    }
    let fleets = session.in_namespace::<Fleet>().list(&ListParams::default()).await.ok()?;
    fleets.iter().find_map(ops_held_back)
}

fn follows(environment: &DevEnvironment) -> bool {
    let mut lock = environment.status.iter().flat_map(|status| &status.lock);
    environment.spec.ops.is_none() && lock.any(|locked| locked.ops_commit.is_some())
}

/// Why the newest commit of the ops repository is not the default: it is tried still, or a service failed with it.
fn ops_held_back(fleet: &Fleet) -> Option<String> {
    said(fleet, conditions::RECONCILING, reasons::OPS_TRIAL).or_else(|| ops_failed(fleet))
}

/// Which service failed with the newest commit of the ops repository, and how.
pub fn ops_failed(fleet: &Fleet) -> Option<String> {
    said(fleet, conditions::STALLED, reasons::OPS_TRIAL_FAILED)
}

fn said(fleet: &Fleet, type_: &str, reason: &str) -> Option<String> {
    let condition = conditions::find(&fleet.status.as_ref()?.conditions, type_)?;
    (condition.status == "True" && condition.reason == reason).then(|| condition.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fleet(type_: &str, reason: &str) -> Fleet {
        let condition = json!({"type": type_, "status": "True", "reason": reason, "message": "so it is",
            "lastTransitionTime": "2026-11-22T10:00:00Z"});
        let fleet = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "f"},
            "spec": {"registry": "r"}, "status": {"conditions": [condition]}});
        serde_json::from_value(fleet).unwrap()
    }

    fn environment(spec: &Value, ops_commit: &Value) -> DevEnvironment {
        let lock = json!([{"service": "www", "why": "w", "ready": true, "opsCommit": ops_commit}]);
        let environment = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "demo"}, "spec": spec, "status": {"lock": lock}});
        serde_json::from_value(environment).unwrap()
    }

    #[test]
    fn a_commit_is_held_back_while_it_is_tried_and_after_it_failed() {
        let told = Some("so it is".to_owned());
        assert_eq!(ops_held_back(&fleet("Reconciling", "OpsTrial")), told);
        assert_eq!(ops_failed(&fleet("Reconciling", "OpsTrial")), None);
        assert_eq!(ops_held_back(&fleet("Stalled", "OpsTrialFailed")), told);
        assert_eq!(ops_held_back(&fleet("Stalled", "InvalidSpec")), None);
    }

    #[test]
    fn it_concerns_only_environments_that_follow_the_default() {
        let (services, own) = (json!({"services": ["www"]}), json!({"services": ["www"], "ops": "fix"}));
        assert!(follows(&environment(&services, &json!("77aa"))));
        assert!(!follows(&environment(&own, &json!("77aa"))));
        assert!(!follows(&environment(&services, &json!(null))));
    }
}
