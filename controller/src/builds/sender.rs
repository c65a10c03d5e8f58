//! Whether a pod is one of exactly this build.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt as _};
use slipway_crds::names;
use slipway_crds::v1alpha1::{BuildStep, ServiceBuild};
use slipway_plan::desired::{Identity, build};

use crate::holder::Holder;
use crate::runs::{Refusal, owner_job};

/// Which Job of a build tells something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The one that builds.
    Build,
    /// The one of the unit tests.
    Unit,
}

/// Whether a build still takes what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Open,
    /// It is over: what is stored is acknowledged again, for the sender may not have heard so, and nothing more is taken.
    Over,
}

/// What the API server shows of the sender, read at the time of the delivery and not from a cache.
struct Sender {
    build: ServiceBuild,
    pod: Option<Pod>,
    job: Option<Job>,
}

/// The build that the holder of a token belongs to.
pub async fn verify(
    client: &Client,
    namespace: &str,
    name: &str,
    part: Part,
    holder: &Holder,
) -> Result<(Identity, Standing), Refusal> {
    if !is_name(namespace) || !is_name(name) {
        return Err(Refusal::NoPath("/v1/builds/<namespace>/<build>"));
    }
    let builds: Api<ServiceBuild> = Api::namespaced(client.clone(), namespace);
    let found = builds.get_opt(name).await.map_err(Refusal::api(format!("read ServiceBuild {name}")))?;
    let Some(found) = found else {
        return Err(Refusal::NoBuild { namespace: namespace.to_owned(), name: name.to_owned() });
    };
    let Some(identity) = identity(&found) else {
        return Err(Refusal::NotOfThisRun("the build has not begun"));
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), &holder.namespace);
    let pod = pods.get_opt(&holder.pod).await.map_err(Refusal::api(format!("read pod {}", holder.pod)))?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &holder.namespace);
    let key = if part == Part::Build { build::key(&identity) } else { build::unit_key(&identity) };
    let job = jobs.get_opt(&key.name).await.map_err(Refusal::api(format!("read Job {}", key.name)))?;
    let standing = check(&Sender { build: found, pod, job }, &identity, part, holder)?;
    Ok((identity, standing))
}

/// Names become part of requests to the API server.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(fits)
}

fn check(sender: &Sender, identity: &Identity, part: Part, holder: &Holder) -> Result<Standing, Refusal> {
    let refuse = |why| Err(Refusal::NotOfThisRun(why));
    let status = sender.build.status.clone().unwrap_or_default();
    if holder.namespace != identity.namespace {
        return refuse("its pod is in another namespace than the build's");
    }
    let pod = sender.pod.as_ref().filter(|pod| pod.uid().as_ref() == Some(&holder.uid));
    let Some(owner) = pod.and_then(owner_job) else {
        return refuse("its pod is gone, or of no Job");
    };
    let ours = sender.job.as_ref().filter(|job| job.labels().get(names::OWNER_UID) == Some(&identity.uid));
    let Some(uid) = ours.and_then(kube::ResourceExt::uid).filter(|uid| *uid == owner.uid) else {
        return refuse("its pod is not of the Job of this build");
    };
    let recorded = if part == Part::Build { status.job_uid } else { status.unit_job_uid };
    if recorded.is_some_and(|recorded| recorded != uid) {
        return refuse("another Job is recorded for this build");
    }
    Ok(if status.step == BuildStep::Finished { Standing::Over } else { Standing::Open })
}

/// The names of a build whose namespace is recorded.
fn identity(build: &ServiceBuild) -> Option<Identity> {
    Some(Identity {
        fleet_namespace: build.namespace()?,
        name: build.name_any(),
        uid: build.uid()?,
        namespace: build.status.as_ref()?.namespace.clone()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn holder() -> Holder {
        Holder { namespace: "build-fleet".to_owned(), pod: "www-1-x".to_owned(), uid: "pod-uid".to_owned() }
    }

    fn world() -> Value {
        let status = json!({"step": "Building", "namespace": "build-fleet", "jobUid": "job-uid"});
        let build = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceBuild",
            "spec": {"service": "www", "commit": "3f2c"}, "status": status,
            "metadata": {"name": "www-1", "namespace": "fleet", "uid": "build-uid"}});
        let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": "www-1", "uid": "job-uid", "controller": true});
        let pod = json!({"metadata": {"name": "www-1-x", "uid": "pod-uid", "ownerReferences": [owner]}});
        let job = json!({"metadata": {"name": "www-1", "uid": "job-uid",
            "labels": {"slipway.dev/owner-uid": "build-uid"}}});
        json!({"build": build, "pod": pod, "job": job})
    }

    fn checked(world: &Value) -> Result<Standing, Refusal> {
        let part = |name: &str| world[name].clone();
        let sender = Sender {
            build: serde_json::from_value(part("build")).unwrap(),
            pod: serde_json::from_value(part("pod")).unwrap(),
            job: serde_json::from_value(part("job")).unwrap(),
        };
        let identity = identity(&sender.build).unwrap();
        check(&sender, &identity, Part::Build, &holder())
    }

    #[test]
    fn the_pod_of_the_recorded_job_is_the_sender() {
        assert_eq!(checked(&world()).unwrap(), Standing::Open);
        let mut over = world();
        over["build"]["status"]["step"] = json!("Finished");
        assert_eq!(checked(&over).unwrap(), Standing::Over);
    }

    #[test]
    fn every_other_pod_is_refused_with_the_reason() {
        let cases = [
            ("/build/status/namespace", json!("build-other"), "another namespace"),
            ("/build/status/jobUid", json!("another"), "another Job is recorded"),
            ("/pod", Value::Null, "gone"),
            ("/pod/metadata/uid", json!("a-later-pod"), "gone"),
            ("/pod/metadata/ownerReferences", json!([]), "of no Job"),
            ("/pod/metadata/ownerReferences/0/uid", json!("another"), "not of the Job"),
            ("/job", Value::Null, "not of the Job"),
            ("/job/metadata/labels", json!({"slipway.dev/owner-uid": "another"}), "not of the Job"),
        ];
        for (path, value, why) in cases {
            let mut changed = world();
            *changed.pointer_mut(path).unwrap() = value;
            let said = checked(&changed).unwrap_err().to_string();
            assert!(said.contains(why), "{path}: {said}");
        }
    }

    #[test]
    fn only_names_become_part_of_a_request() {
        assert!(is_name("www-3f2c"));
        assert!(!["", "../x", "a/b", "A", "a?x"].into_iter().any(is_name));
    }
}
