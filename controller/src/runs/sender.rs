//! Whether a pod is the one that runs the tests of exactly this environment and generation.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client, ResourceExt as _};
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::desired::{Identity, integration};

use super::address::Address;
use super::refusal::Refusal;
use crate::holder::Holder;

/// What the API server shows of the sender, read at the time of the delivery and not from a cache.
struct Sender {
    environment: DevEnvironment,
    pod: Option<Pod>,
    job: Option<Job>,
}

/// The environment whose run the holder of a token belongs to.
pub async fn verify(client: &Client, address: &Address, holder: &Holder) -> Result<Identity, Refusal> {
    let Address { namespace, environment: name, generation } = address;
    let environments: Api<DevEnvironment> = Api::namespaced(client.clone(), namespace);
    let environment =
        environments.get_opt(name).await.map_err(Refusal::api(format!("read DevEnvironment {name}")))?;
    let Some(environment) = environment else {
        return Err(Refusal::NoEnvironment { namespace: namespace.clone(), name: name.clone() });
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), &holder.namespace);
    let pod = pods.get_opt(&holder.pod).await.map_err(Refusal::api(format!("read pod {}", holder.pod)))?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &holder.namespace);
    let job_name = integration::name(*generation);
    let job = jobs.get_opt(&job_name).await.map_err(Refusal::api(format!("read Job {job_name}")))?;
    check(&Sender { environment, pod, job }, *generation, holder)
}

fn check(sender: &Sender, generation: i64, holder: &Holder) -> Result<Identity, Refusal> {
    let refuse = |why| Err(Refusal::NotOfThisRun(why));
    let status = sender.environment.status.clone().unwrap_or_default();
    let Some(run) = status.integration else { return refuse("the environment has no run") };
    if run.generation > generation {
        return Err(Refusal::Superseded { generation, wanted: run.generation });
    }
    if run.generation < generation {
        return refuse("this generation of the environment has no run");
    }
    let Some(identity) =
        identity(&sender.environment).filter(|identity| identity.namespace == holder.namespace)
    else {
        return refuse("its pod is in another namespace than the environment's");
    };
    let Some(owner) =
        sender.pod.as_ref().filter(|pod| pod.uid().as_ref() == Some(&holder.uid)).and_then(owner_job)
    else {
        return refuse("its pod is gone, or of no Job");
    };
    let ours = sender.job.as_ref().filter(|job| job.labels().get(names::OWNER_UID) == Some(&identity.uid));
    let Some(uid) = ours.and_then(kube::ResourceExt::uid).filter(|uid| *uid == owner.uid) else {
        return refuse("its pod is not of the Job of this generation");
    };
    if run.job_uid.is_some_and(|recorded| recorded != uid) {
        return refuse("another Job is recorded for this generation");
    }
    Ok(identity)
}

/// The Job that a pod is of.
pub fn owner_job(pod: &Pod) -> Option<&OwnerReference> {
    let owner = pod.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    (owner.kind == "Job" && owner.api_version == "batch/v1").then_some(owner)
}

/// The names of an environment whose namespace is recorded.
fn identity(environment: &DevEnvironment) -> Option<Identity> {
    Some(Identity {
        fleet_namespace: environment.namespace()?,
        name: environment.name_any(),
        uid: environment.uid()?,
        namespace: environment.status.as_ref()?.namespace.as_ref()?.name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn holder() -> Holder {
        Holder {
            namespace: "env-ci".to_owned(),
            pod: "integration-2-x".to_owned(),
            uid: "pod-uid".to_owned(),
        }
    }

    fn world() -> Value {
        let integration =
            json!({"generation": 2, "step": "Running", "jobUid": "job-uid", "since": "2026-11-22T10:00:00Z"});
        let status = json!({"namespace": {"name": "env-ci"}, "integration": integration});
        let environment = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment", "spec": {},
            "metadata": {"name": "ci", "namespace": "fleet", "uid": "env-uid"}, "status": status});
        let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": "integration-2", "uid": "job-uid", "controller": true});
        let pod =
            json!({"metadata": {"name": "integration-2-x", "uid": "pod-uid", "ownerReferences": [owner]}});
        let job = json!({"metadata": {"name": "integration-2", "uid": "job-uid",
            "labels": {"slipway.dev/owner-uid": "env-uid"}}});
        json!({"environment": environment, "pod": pod, "job": job})
    }

    fn checked(world: &Value) -> Result<Identity, Refusal> {
        let part = |name: &str| world[name].clone();
        let sender = Sender {
            environment: serde_json::from_value(part("environment")).unwrap(),
            pod: serde_json::from_value(part("pod")).unwrap(),
            job: serde_json::from_value(part("job")).unwrap(),
        };
        check(&sender, 2, &holder())
    }

    fn refused(path: &str, value: Value) -> String {
        let mut changed = world();
        *changed.pointer_mut(path).unwrap() = value;
        checked(&changed).unwrap_err().to_string()
    }

    #[test]
    fn the_pod_of_the_recorded_job_is_the_sender() {
        let identity = checked(&world()).unwrap();
        assert_eq!(
            (identity.name.as_str(), identity.uid.as_str(), identity.namespace.as_str()),
            ("ci", "env-uid", "env-ci")
        );
    }

    #[test]
    fn a_job_that_is_not_recorded_yet_is_known_by_its_owner() {
        let mut starting = world();
        *starting.pointer_mut("/environment/status/integration/jobUid").unwrap() = Value::Null;
        assert!(checked(&starting).is_ok());
        *starting.pointer_mut("/job/metadata/labels").unwrap() = json!({"slipway.dev/owner-uid": "another"});
        assert!(checked(&starting).is_err());
    }

    #[test]
    fn every_other_pod_is_refused_with_the_reason() {
        let cases = [
            ("/environment/status/namespace/name", json!("env-other"), "another namespace"),
            ("/environment/status/integration", Value::Null, "has no run"),
            ("/environment/status/integration/generation", json!(1), "has no run"),
            ("/environment/status/integration/generation", json!(3), "runs generation 3"),
            ("/environment/status/integration/jobUid", json!("another"), "another Job is recorded"),
            ("/pod", Value::Null, "gone"),
            ("/pod/metadata/uid", json!("a-later-pod"), "gone"),
            ("/pod/metadata/ownerReferences", json!([]), "of no Job"),
            ("/pod/metadata/ownerReferences/0/controller", json!(false), "of no Job"),
            ("/pod/metadata/ownerReferences/0/uid", json!("another"), "not of the Job"),
            ("/job", Value::Null, "not of the Job"),
            ("/job/metadata/uid", json!("another"), "not of the Job"),
        ];
        for (path, value, why) in cases {
            let said = refused(path, value);
            assert!(said.contains(why), "{path}: {said}");
        }
    }
}
