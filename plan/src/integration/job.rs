//! The Job of a run, read from what is in the namespace.

use serde_json::Value;
use slipway_crds::names;

use super::{JobEnd, JobFacts};
use crate::desired::{Identity, integration};
use crate::environment::pods;
use crate::object::{ObjectKey, Observed};

/// The facts of the environment's own Job of a generation.
pub fn facts(identity: &Identity, generation: i64, observed: &[Observed]) -> Option<JobFacts> {
    let of_run = generation.to_string();
    let its_pod = |pod: &Observed| pod.label(names::RUN_GENERATION) == Some(&of_run);
    of(&integration::key(identity, generation), &identity.uid, observed, its_pod)
}

/// The facts of the Job that this owner made.
pub fn of(
    key: &ObjectKey,
    owner_uid: &str,
    observed: &[Observed],
    its_pod: impl Fn(&Observed) -> bool,
) -> Option<JobFacts> {
    let ours = |object: &&Observed| object.key == *key && object.label(names::OWNER_UID) == Some(owner_uid);
    let job = observed.iter().find(ours)?;
    let pods: Vec<&Observed> =
        observed.iter().filter(|object| object.key.kind == "Pod" && its_pod(object)).collect();
    Some(JobFacts {
        uid: job.uid().to_owned(),
        started: pods.iter().any(|pod| has_started(pod)),
        trouble: pods::trouble(&pods),
        end: end(job),
    })
}

fn has_started(pod: &Observed) -> bool {
    let containers = pod.body["status"]["containerStatuses"].as_array();
    let mut states =
        containers.into_iter().flatten().flat_map(|status| [&status["state"], &status["lastState"]]);
    states.any(|state| state["running"].is_object() || state["terminated"].is_object())
}

fn end(job: &Observed) -> Option<JobEnd> {
    let conditions = job.body["status"]["conditions"].as_array()?;
    let over = |condition: &&Value| {
        condition["status"] == "True" && (condition["type"] == "Complete" || condition["type"] == "Failed")
    };
    let condition = conditions.iter().find(over)?;
    // Without a readable time the grace is over at once.
    let at = condition["lastTransitionTime"].as_str().and_then(|time| time.parse().ok()).unwrap_or_default();
    Some(JobEnd { at, message: condition["message"].as_str().unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn identity() -> Identity {
        Identity {
            fleet_namespace: "fleet".to_owned(),
            name: "ci".to_owned(),
            uid: "env-uid".to_owned(),
            namespace: "env-ci".to_owned(),
        }
    }

    fn job(owner: &str, conditions: &Value) -> Observed {
        let metadata = json!({"uid": "job-uid", "labels": {"slipway.dev/owner-uid": owner}});
        let body = json!({"metadata": metadata, "status": {"conditions": conditions}});
        Observed { key: integration::key(&identity(), 2), body: body.into() }
    }

    fn pod(generation: &str, state: &Value) -> Observed {
        let key = ObjectKey {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some("env-ci".to_owned()),
            name: format!("integration-{generation}-x"),
        };
        let metadata = json!({"labels": {"slipway.dev/run-generation": generation}});
        let status = json!({"containerStatuses": [{"name": "tests", "state": state}]});
        Observed { key, body: json!({"metadata": metadata, "status": status}).into() }
    }

    #[test]
    fn a_running_job_has_a_uid_and_no_end() {
        let observed = [job("env-uid", &json!([])), pod("2", &json!({"running": {}}))];
        let expected = JobFacts { uid: "job-uid".to_owned(), started: true, trouble: None, end: None };
        assert_eq!(facts(&identity(), 2, &observed), Some(expected));
    }

    #[test]
    fn a_pod_that_cannot_start_is_told_and_an_older_runs_pod_is_not_looked_at() {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        let observed = [job("env-uid", &json!([])), pod("1", &json!({"running": {}})), pod("2", &waiting)];
        let found = facts(&identity(), 2, &observed).unwrap();
        assert!(!found.started);
        assert!(found.trouble.unwrap().contains("ImagePullBackOff no such image"));
    }

    #[test]
    fn an_ended_job_says_when_and_why() {
        let failed = json!([{"type": "Failed", "status": "True", "lastTransitionTime": "2026-11-22T10:00:00Z",
            "message": "Job has reached the specified backoff limit"}]);
        let end = facts(&identity(), 2, &[job("env-uid", &failed)]).unwrap().end.unwrap();
        assert_eq!(end.at, "2026-11-22T10:00:00Z".parse().unwrap());
        assert_eq!(end.message, "Job has reached the specified backoff limit");
    }

    #[test]
    fn a_job_of_somebody_else_or_of_another_generation_is_none() {
        assert_eq!(facts(&identity(), 2, &[job("other-uid", &json!([]))]), None);
        assert_eq!(facts(&identity(), 3, &[job("env-uid", &json!([]))]), None);
    }
}
