//! Whether workloads have arrived where they were sent.

use serde_json::Value;

use crate::object::Observed;

/// Whether all pods of a Deployment or `StatefulSet` are of its newest template, and ready. A `CronJob` always is.
pub fn is_rolled_out(workload: &Observed) -> bool {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let (body, status) = (&workload.body, &workload.body["status"]);
    let wanted = number(&body["spec"]["replicas"]);
    let seen = number(&status["observedGeneration"]) >= number(&body["metadata"]["generation"]);
    let counts = |fields: &[&str]| fields.iter().all(|field| number(&status[*field]) == wanted);
    match workload.key.kind.as_str() {
        "CronJob" => true,
        "StatefulSet" => {
            let updated =
                status["updateRevision"].is_null() || status["updateRevision"] == status["currentRevision"];
            seen && updated && counts(&["replicas", "readyReplicas"])
        }
        _ => seen && counts(&["replicas", "updatedReplicas", "readyReplicas"]),
    }
}

/// Whether a container of a pod is ready.
pub fn is_container_ready(pod: &Observed, container: &str) -> bool {
    let statuses = pod.body["status"]["containerStatuses"].as_array();
    let mut found = statuses.into_iter().flatten().filter(|status| status["name"] == container);
    found.next().is_some_and(|status| status["ready"] == true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectKey;
    use serde_json::json;

    fn deployment(generation: i64, updated: i64, ready: i64) -> Observed {
        let key = ObjectKey {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("env".to_owned()),
            name: "www".to_owned(),
        };
        let status = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": updated, "readyReplicas": ready});
        Observed {
            key,
            body: json!({"metadata": {"generation": generation}, "spec": {"replicas": 2}, "status": status})
                .into(),
        }
    }

    #[test]
    fn only_new_and_ready_pods_count() {
        assert!(is_rolled_out(&deployment(2, 2, 2)));
        assert!(!is_rolled_out(&deployment(3, 2, 2)), "the controller has not seen the change yet");
        assert!(!is_rolled_out(&deployment(2, 1, 2)), "one pod is still old");
        assert!(!is_rolled_out(&deployment(2, 2, 1)), "one pod is not ready");
    }
}
