//! Whether a pod was made for a commit. A pod shows with its token which one it is; everything else is looked up.
//!
//! A build's pod gets the commits that the status of its `ServiceBuild` recorded before the pod was made. A pod of an
//! environment gets those that its own template names: the environment may want others by now, and the pod still starts.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client, ResourceExt as _};
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, ServiceBuild};

use super::asked::{Asked, Repository};
use super::refusal::Refusal;
use crate::holder::Holder;

/// Refuses every pod but those that were made for the commit that is asked for.
pub async fn check(client: &Client, asked: &Asked, holder: &Holder) -> Result<(), Refusal> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &holder.namespace);
    let pod = pods.get_opt(&holder.pod).await.map_err(Refusal::api(format!("read pod {}", holder.pod)))?;
    let Some(pod) = pod.filter(|pod| pod.uid().as_ref() == Some(&holder.uid)) else {
        return Err(Refusal::NotEntitled("it is gone"));
    };
    let label = |name: &str| pod.labels().get(name).cloned();
    match (label(names::BUILD), label(names::ENVIRONMENT)) {
        (Some(build), _) => of_build(client, asked, holder, &pod, &build).await,
        (None, Some(environment)) => of_environment(client, asked, holder, &pod, &environment).await,
        (None, None) => Err(Refusal::NotEntitled("it is neither of a build nor of an environment")),
    }
}

async fn of_build(
    client: &Client,
    asked: &Asked,
    holder: &Holder,
    pod: &Pod,
    name: &str,
) -> Result<(), Refusal> {
    let builds: Api<ServiceBuild> = Api::namespaced(client.clone(), &asked.namespace);
    let build = builds.get_opt(name).await.map_err(Refusal::api(format!("read ServiceBuild {name}")))?;
    let owner = owner_job(pod).ok_or(Refusal::NotEntitled("it is of no Job"))?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &holder.namespace);
    let job = jobs.get_opt(&owner.name).await.map_err(Refusal::api(format!("read Job {}", owner.name)))?;
    let job = job.filter(|job| job.uid().as_ref() == Some(&owner.uid));
    built_for(asked, build.as_ref(), job.as_ref()).map_err(Refusal::NotEntitled)
}

/// Whether the Job is that of a build of the commit.
fn built_for(asked: &Asked, build: Option<&ServiceBuild>, job: Option<&Job>) -> Result<(), &'static str> {
    let build = build.ok_or("its ServiceBuild is gone")?;
    let job = job.ok_or("its Job is gone")?;
    let status = build.status.as_ref().ok_or("its ServiceBuild has not begun")?;
    if job.labels().get(names::OWNER_UID) != build.uid().as_ref() {
        return Err("its Job is not of its ServiceBuild");
    }
    if status.job_uid.is_some() && status.job_uid != job.uid() {
        return Err("another Job is recorded for its ServiceBuild");
    }
    let inputs = status.inputs.as_ref().ok_or("its ServiceBuild has no commits yet")?;
    let commit = match asked.repository {
        Repository::Service => &inputs.commit,
        Repository::Ops => &inputs.ops_commit,
    };
    if build.spec.service != asked.service.as_str() || commit != asked.to.as_str() {
        return Err("it builds another service, or another commit");
    }
    Ok(())
}

async fn of_environment(
    client: &Client,
    asked: &Asked,
    holder: &Holder,
    pod: &Pod,
    name: &str,
) -> Result<(), Refusal> {
    let environments: Api<DevEnvironment> = Api::namespaced(client.clone(), &asked.namespace);
    let environment = environments.get_opt(name).await;
    let environment = environment.map_err(Refusal::api(format!("read DevEnvironment {name}")))?;
    runs_in(asked, environment.as_ref(), holder, pod).map_err(Refusal::NotEntitled)
}

/// Whether the pod is one of an environment and was made to run the commit.
fn runs_in(
    asked: &Asked,
    environment: Option<&DevEnvironment>,
    holder: &Holder,
    pod: &Pod,
) -> Result<(), &'static str> {
    runs(asked.service.as_str(), environment, holder, pod)?;
    let annotation = match asked.repository {
        Repository::Service => names::COMMIT,
        Repository::Ops => names::OPS_COMMIT,
    };
    if pod.annotations().get(annotation).map(String::as_str) != Some(asked.to.as_str()) {
        return Err("it was made for another commit");
    }
    Ok(())
}

/// Whether the pod is one of the environment and runs the service.
pub fn runs(
    service: &str,
    environment: Option<&DevEnvironment>,
    holder: &Holder,
    pod: &Pod,
) -> Result<(), &'static str> {
    let environment = environment.ok_or("its environment is gone")?;
    if pod.labels().get(names::OWNER_UID) != environment.uid().as_ref() {
        return Err("it is not of the environment of this name");
    }
    let namespace = environment.status.as_ref().and_then(|status| status.namespace.as_ref());
    if namespace.map(|namespace| &namespace.name) != Some(&holder.namespace) {
        return Err("it is in another namespace than its environment's");
    }
    if pod.labels().get(names::SERVICE).map(String::as_str) != Some(service) {
        return Err("it runs another service");
    }
    Ok(())
}

fn owner_job(pod: &Pod) -> Option<&OwnerReference> {
    let owner = pod.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    (owner.kind == "Job" && owner.api_version == "batch/v1").then_some(owner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::asked::Commits;
    use super::*;

    const TO: &str = "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0";
    const OPS: &str = "91ab000091ab000091ab000091ab000091ab0000";

    fn asked(repository: &str, to: &str) -> Asked {
        Asked::parse("fleet", "www", repository, &Commits { to: to.to_owned(), from: None }).unwrap()
    }

    fn world() -> Value {
        let inputs = json!({"commit": TO, "opsCommit": OPS, "base": "base@sha256:1"});
        let build = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceBuild",
            "metadata": {"name": "www-3f2c", "namespace": "fleet", "uid": "build-uid"},
            "spec": {"service": "www", "commit": "main"},
            "status": {"inputs": inputs, "jobUid": "job-uid"}});
        let job = json!({"metadata": {"uid": "job-uid", "labels": {"slipway.dev/owner-uid": "build-uid"}}});
        let environment = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment", "spec": {},
            "metadata": {"name": "emma", "namespace": "fleet", "uid": "env-uid"},
            "status": {"namespace": {"name": "env-emma"}}});
        let labels = json!({"slipway.dev/owner-uid": "env-uid", "slipway.dev/service": "www"});
        let commits = json!({"slipway.dev/commit": TO, "slipway.dev/ops-commit": OPS});
        let pod = json!({"metadata": {"name": "www-x", "labels": labels, "annotations": commits}});
        json!({"build": build, "job": job, "environment": environment, "pod": pod})
    }

    fn built(world: &Value, asked: &Asked) -> Result<(), &'static str> {
        let build: Option<ServiceBuild> = serde_json::from_value(world["build"].clone()).unwrap();
        let job: Option<Job> = serde_json::from_value(world["job"].clone()).unwrap();
        built_for(asked, build.as_ref(), job.as_ref())
    }

    fn runs_here(world: &Value, asked: &Asked) -> Result<(), &'static str> {
        let environment: Option<DevEnvironment> =
            serde_json::from_value(world["environment"].clone()).unwrap();
        let pod: Pod = serde_json::from_value(world["pod"].clone()).unwrap();
        let (namespace, name) = ("env-emma".to_owned(), "www-x".to_owned());
        runs_in(
            asked,
            environment.as_ref(),
            &Holder { namespace, pod: name, uid: "pod-uid".to_owned() },
            &pod,
        )
    }

    #[test]
    fn both_repositories_are_given_at_the_commits_that_a_pod_was_made_for() {
        for (repository, commit) in [("service", TO), ("ops", OPS)] {
            assert_eq!(built(&world(), &asked(repository, commit)), Ok(()));
            assert_eq!(runs_here(&world(), &asked(repository, commit)), Ok(()));
        }
    }

    #[test]
    fn no_other_commit_and_no_other_service_is_given() {
        let other =
            Asked::parse("fleet", "api", "service", &Commits { to: TO.to_owned(), from: None }).unwrap();
        for wrong in [asked("service", OPS), asked("ops", TO), other] {
            assert!(built(&world(), &wrong).is_err(), "{wrong:?}");
            assert!(runs_here(&world(), &wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_pod_of_another_job_build_or_environment_gets_nothing() {
        let cases = [
            ("/build", Value::Null, "ServiceBuild is gone"),
            ("/job", Value::Null, "Job is gone"),
            ("/job/metadata/labels", json!({}), "not of its ServiceBuild"),
            ("/build/status", Value::Null, "has not begun"),
            ("/build/status/jobUid", json!("another"), "another Job"),
            ("/build/status/inputs", Value::Null, "no commits yet"),
            ("/environment", Value::Null, "environment is gone"),
            ("/environment/status/namespace/name", json!("env-other"), "another namespace"),
            ("/pod/metadata/labels/slipway.dev~1owner-uid", json!("another"), "not of the environment"),
            ("/pod/metadata/labels/slipway.dev~1service", json!("api"), "another service"),
            ("/pod/metadata/annotations", json!({}), "another commit"),
        ];
        for (path, value, why) in cases {
            let mut changed = world();
            *changed.pointer_mut(path).unwrap() = value;
            let asked = asked("service", TO);
            let of_build = path.starts_with("/build") || path.starts_with("/job");
            let said = if of_build { built(&changed, &asked) } else { runs_here(&changed, &asked) };
            assert!(said.is_err_and(|said| said.contains(why)), "{path}: {said:?}");
        }
    }
}
