//! The repositories, as the operator sees them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;
use kube::api::ListParams;
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};

use super::check::Check;
use crate::connect::Session;

const SUBJECT: &str = "git";

/// One line when all is well, else a line for each repository that is not.
pub async fn look(session: &Session) -> Vec<Check> {
    let everything = ListParams::default();
    let (repos, syncs) = (session.in_namespace::<ServiceRepo>(), session.in_namespace::<GitSync>());
    match tokio::join!(repos.list(&everything), syncs.list(&everything)) {
        (Ok(repos), Ok(syncs)) => judge(&repos.items, &syncs.items, &session.namespace),
        (Err(error), _) => vec![Check::unseen(SUBJECT, "the ServiceRepos", &error)],
        (_, Err(error)) => vec![Check::unseen(SUBJECT, "the GitSyncs", &error)],
    }
}

fn judge(repos: &[ServiceRepo], syncs: &[GitSync], namespace: &str) -> Vec<Check> {
    if repos.is_empty() {
        let message = format!("there is no ServiceRepo in namespace {namespace}");
        let cure = "apply one for each service, or name the fleet's namespace with --namespace";
        return vec![Check::failed(SUBJECT, message, cure)];
    }
    let of_repos = repos.iter().filter_map(|repo| {
        let conditions = repo.status.as_ref().map(|status| status.conditions.as_slice());
        trouble("ServiceRepo", &repo.name_any(), conditions)
    });
    let of_syncs = syncs.iter().filter_map(|sync| {
        let conditions = sync.status.as_ref().map(|status| status.conditions.as_slice());
        suspended(sync).or_else(|| trouble("GitSync", &sync.name_any(), conditions))
    });
    let troubles: Vec<_> = of_repos.chain(of_syncs).collect();
    if troubles.is_empty() {
        let message = format!("{} ServiceRepos and {} GitSyncs were read", repos.len(), syncs.len());
        return vec![Check::ok(SUBJECT, message)];
    }
    troubles
}

fn suspended(sync: &GitSync) -> Option<Check> {
    let reason = &sync.spec.suspend.as_ref()?.reason;
    let message = format!("GitSync {} is suspended: {reason}", sync.name_any());
    Some(Check::warning(SUBJECT, message, "remove spec.suspend when that is over"))
}

fn trouble(kind: &str, name: &str, conditions: Option<&[Condition]>) -> Option<Check> {
    let look = format!("look closer: kubectl describe {} {name}", kind.to_lowercase());
    let Some(ready) = conditions::find(conditions.unwrap_or_default(), conditions::READY) else {
        let message = format!("{kind} {name}: the operator has not looked at it yet");
        return Some(Check::warning(SUBJECT, message, look));
    };
    let message = format!("{kind} {name}: {}", ready.message);
    match ready.status.as_str() {
        "True" => None,
        "False" => Some(Check::failed(SUBJECT, message, look)),
        _ => Some(Check::warning(SUBJECT, message, look)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;
    use serde_json::{Value, json};

    fn repo(conditions: &Value) -> ServiceRepo {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceRepo",
            "metadata": {"name": "www"}, "spec": {"url": "http://git/www.git"}, "status": {"conditions": conditions}}))
        .unwrap()
    }

    fn ready(status: &str, message: &str) -> Value {
        json!([{"type": "Ready", "status": status, "reason": "R", "message": message,
            "lastTransitionTime": "2026-11-22T10:00:00Z"}])
    }

    #[test]
    fn a_repository_that_cannot_be_read_is_told_in_its_own_words() {
        let well = judge(&[repo(&ready("True", "read"))], &[], "fleet");
        assert_eq!(well, [Check::ok("git", "1 ServiceRepos and 0 GitSyncs were read")]);
        let refused = judge(&[repo(&ready("False", "the server refused the credentials"))], &[], "fleet");
        assert_eq!(refused[0].message, "ServiceRepo www: the server refused the credentials");
        assert_eq!(refused[0].cure.as_deref(), Some("look closer: kubectl describe servicerepo www"));
        assert_eq!(judge(&[repo(&json!([]))], &[], "fleet")[0].verdict, Verdict::Warning);
        assert_eq!(judge(&[], &[], "fleet")[0].verdict, Verdict::Failed);
    }

    #[test]
    fn a_pause_is_told_with_its_reason() {
        let sync: GitSync = serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "GitSync",
            "metadata": {"name": "fleet"}, "spec": {"url": "http://git/fleet.git", "reference": {"branch": "main"},
                "suspend": {"reason": "incident 42"}}}))
        .unwrap();
        let checks = judge(&[repo(&ready("True", "read"))], &[sync], "fleet");
        assert_eq!(checks[0].message, "GitSync fleet is suspended: incident 42");
        assert_eq!(checks[0].verdict, Verdict::Warning);
    }
}
