//! The Fleet, and its registry as the operator sees it.

use kube::ResourceExt as _;
use kube::api::ListParams;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet};
use slipway_crds::{conditions, reasons};

use super::check::Check;
use crate::connect::Session;
use crate::environment;
use crate::fleet::ops_failed;

/// What environments wait for that is the registry's fault.
const OF_THE_REGISTRY: [&str; 3] =
    [reasons::REGISTRY_FAILED, reasons::PULL_SECRET_NOT_FOUND, reasons::PULL_SECRET_INVALID];

/// The Fleet, then its registry.
pub async fn look(session: &Session, environments: &[DevEnvironment]) -> Vec<Check> {
    match session.in_namespace::<Fleet>().list(&ListParams::default()).await {
        Ok(fleets) => judge(&fleets.items, environments, &session.namespace),
        Err(error) => vec![Check::unseen("fleet", "the Fleet", &error)],
    }
}

fn judge(fleets: &[Fleet], environments: &[DevEnvironment], namespace: &str) -> Vec<Check> {
    match fleets {
        [] => {
            let message = format!("there is no Fleet in namespace {namespace}");
            vec![Check::failed("fleet", message, "apply one, or name the fleet's namespace with --namespace")]
        }
        [fleet] => vec![of_fleet(fleet, environments.len()), registry(fleet, environments)],
        several => {
            let names: Vec<_> = several.iter().map(kube::ResourceExt::name_any).collect();
            let message =
                format!("there is more than one Fleet in namespace {namespace}: {}", names.join(", "));
            vec![Check::failed("fleet", message, "keep one, and delete the others")]
        }
    }
}

fn of_fleet(fleet: &Fleet, environments: usize) -> Check {
    let name = fleet.name_any();
    let conditions = fleet.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if let Some(why) = ops_failed(fleet) {
        let cure = "mend the ops repository and push; environments run the older commit until then. \
            Builds that failed have the log: kubectl get sbuild -l slipway.dev/trial";
        return Check::warning("fleet", format!("Fleet {name}: {why}"), cure);
    }
    match conditions::find(conditions, conditions::READY) {
        Some(ready) if ready.status == "False" => Check::failed(
            "fleet",
            format!("Fleet {name}: {}", ready.message),
            format!("look closer: kubectl describe fleet {name}"),
        ),
        _ => Check::ok("fleet", format!("Fleet {name}, environments: {environments}")),
    }
}

fn registry(fleet: &Fleet, environments: &[DevEnvironment]) -> Check {
    let registry = &fleet.spec.registry;
    let statuses: Vec<_> = environments.iter().map(environment::status).collect();
    let mut waits = statuses.iter().flat_map(|status| &status.blocked_by);
    if let Some(wait) = waits.find(|wait| OF_THE_REGISTRY.contains(&wait.reason.as_str())) {
        let cure = match (wait.reason.as_str(), &fleet.spec.pull_secret) {
            (reasons::REGISTRY_FAILED, None) => {
                "is it up? If it wants a login, name a Secret in the Fleet's spec.pullSecret".to_owned()
            }
            (reasons::REGISTRY_FAILED, Some(secret)) => {
                format!("is it up, and is what Secret {secret} says still right?")
            }
            _ => "make the Secret: kubectl create secret docker-registry".to_owned(),
        };
        return Check::failed("registry", format!("{registry}: {}", wait.message), cure);
    }
    let answered = statuses.iter().flat_map(|status| &status.lock).any(|locked| locked.image.is_some());
    if answered {
        Check::ok("registry", format!("{registry} answers the operator"))
    } else {
        let cure = "start an environment, and look again";
        Check::warning("registry", format!("{registry} has not been asked for any image yet"), cure)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;
    use serde_json::{Value, json};

    fn fleet() -> Fleet {
        serde_json::from_value(
            json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "f"},
            "spec": {"registry": "registry.test"}}),
        )
        .unwrap()
    }

    fn environment(status: &Value) -> DevEnvironment {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "demo"}, "spec": {"services": ["www"]}, "status": status}))
        .unwrap()
    }

    fn registry_of(status: &Value) -> Check {
        judge(&[fleet()], &[environment(status)], "fleet").remove(1)
    }

    #[test]
    fn a_namespace_has_one_fleet() {
        assert_eq!(judge(&[], &[], "fleet")[0].verdict, Verdict::Failed);
        assert!(
            judge(&[fleet(), fleet()], &[], "fleet")[0]
                .message
                .ends_with("more than one Fleet in namespace fleet: f, f")
        );
        assert_eq!(judge(&[fleet()], &[], "fleet")[0].verdict, Verdict::Ok);
    }

    #[test]
    fn an_ops_commit_that_is_held_back_stops_nobody_and_is_told() {
        let mut fleet = fleet();
        let message = "ops commit 91ab: service www: state `nginx` failed: no; environments stay at 77aa";
        let condition = |type_: &str, status: &str| {
            json!({"type": type_, "status": status, "reason": "OpsTrialFailed", "message": message,
                "lastTransitionTime": "2026-11-22T10:00:00Z"})
        };
        let conditions = [condition("Ready", "False"), condition("Stalled", "True")];
        fleet.status = Some(serde_json::from_value(json!({"conditions": conditions})).unwrap());
        let told = judge(&[fleet], &[], "fleet").remove(0);
        assert_eq!((told.verdict, told.message), (Verdict::Warning, format!("Fleet f: {message}")));
    }

    #[test]
    fn the_registry_is_seen_with_the_operators_eyes() {
        assert_eq!(registry_of(&json!({})).verdict, Verdict::Warning);
        let lock = json!([{"service": "www", "why": "w", "image": "r/www@sha256:01", "ready": false}]);
        assert_eq!(registry_of(&json!({"lock": lock})).verdict, Verdict::Ok);
        let wait = json!([{"what": "service www", "reason": "RegistryFailed", "message": "connection refused",
            "since": "2026-11-22T10:00:00Z"}]);
        let failed = registry_of(&json!({"lock": lock, "blockedBy": wait}));
        assert_eq!(failed.message, "registry.test: connection refused");
        assert!(failed.cure.unwrap().contains("spec.pullSecret"));
    }
}
