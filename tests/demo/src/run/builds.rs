//! What was built for the environment, and how long each step took.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use slipway_crds::v1alpha1::{BuildOutcome, BuildTime, DevEnvironment, ServiceBuild, ServiceBuildStatus};

use crate::demo::{Demo, NAMESPACE};

/// The service that has an image of its own: its compiler is not in the base image.
const NAMES_AN_IMAGE: &str = "eta";

/// Prints the builds of the environment's services; an error unless each of them runs an image that was built.
pub(super) async fn tell(demo: &Demo, environment: &DevEnvironment) -> Result<()> {
    let builds: Api<ServiceBuild> = Api::namespaced(demo.client().clone(), NAMESPACE);
    let builds = builds.list(&ListParams::default()).await?.items;
    println!("built, without a Dockerfile:");
    for service in demo.repositories().services().iter().filter(|service| *service != NAMES_AN_IMAGE) {
        println!("  {}", line(service, running(environment, service, &builds)?));
    }
    Ok(())
}

/// The build that made the image which the environment runs.
fn running<'a>(
    environment: &DevEnvironment,
    service: &str,
    builds: &'a [ServiceBuild],
) -> Result<&'a ServiceBuildStatus> {
    let lock = environment.status.iter().flat_map(|status| &status.lock);
    let mut images = lock.filter(|locked| locked.service == service).map(|locked| locked.image.as_ref());
    let image = images.next().flatten().with_context(|| format!("{service} has no image"))?;
    let mut made = builds.iter().filter(|build| build.spec.service == service);
    let found =
        made.find(|build| build.status.as_ref().and_then(|status| status.image.as_ref()) == Some(image));
    let build = found.with_context(|| format!("no ServiceBuild of {service} made {image}"))?;
    let status = build.status.as_ref().context("a build without a status")?;
    let succeeded = status.outcome == Some(BuildOutcome::Succeeded);
    ensure!(succeeded, "{} made the image of {service}, and did not succeed", build.name_any());
    Ok(status)
}

/// What the pod of a build does, in its order; all of it is the step `Building`.
const STAGES: [&str; 6] = ["Fetch", "Base", "Provision", "Assets", "Commit", "Push"];

/// `ats         Queued 3 s, Building 9 s (Fetch 1 s, Provision 4 s); 11 states, the slowest in 55 ms: …; unit tests: 4, failed: 0`
fn line(service: &str, status: &ServiceBuildStatus) -> String {
    let is_stage = |time: &&BuildTime| STAGES.contains(&time.name.as_str());
    let stages = STAGES.iter().filter_map(|stage| status.times.iter().find(|time| time.name == *stage));
    let stages = stages.map(told).collect::<Vec<_>>().join(", ");
    let steps =
        status.times.iter().filter(|time| !is_stage(time) && time.seconds > 0).map(|time| {
            match &*time.name {
                "Building" => format!("{} ({stages})", told(time)),
                _ => told(time),
            }
        });
    let mut text = format!("{service:<12}{}", steps.collect::<Vec<_>>().join(", "));
    // Writing to a String does not fail.
    if let Some(said) = &status.provisioned {
        let _ = write!(text, "; {} states", said.states);
    }
    let slowest = status.provisioned.as_ref().and_then(|said| said.slowest.first());
    if let Some(slowest) = slowest {
        let _ = write!(text, ", the slowest in {} ms: {}", slowest.milliseconds, slowest.id);
    }
    if let Some(totals) = status.unit.as_ref().and_then(|unit| unit.totals.as_ref()) {
        let _ = write!(text, "; unit tests: {}, failed: {}", totals.tests, totals.failures + totals.errors);
    }
    text
}

fn told(time: &BuildTime) -> String {
    format!("{} {} s", time.name, time.seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment(image: &str) -> DevEnvironment {
        let lock =
            json!([{"service": "ats", "commit": "3f2c", "why": "trunk", "image": image, "ready": true}]);
        serde_json::from_value(json!({
            "metadata": {"name": "demo"}, "spec": {"profile": "demo"}, "status": {"lock": lock},
        }))
        .unwrap()
    }

    fn build(outcome: &str) -> ServiceBuild {
        serde_json::from_value(json!({
            "metadata": {"name": "ats-1"},
            "spec": {"service": "ats", "commit": "3f2c"},
            "status": {
                "step": "Finished", "message": "", "outcome": outcome, "image": "r/ats@sha256:1",
                "times": [
                    {"name": "Queued", "seconds": 0}, {"name": "Provision", "seconds": 4}, {"name": "Fetch", "seconds": 1},
                    {"name": "Building", "seconds": 7}, {"name": "Testing", "seconds": 2},
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_times_are_those_of_the_build_whose_image_runs() {
        let builds = [build("Succeeded")];
        let status = running(&environment("r/ats@sha256:1"), "ats", &builds).unwrap();
        assert_eq!(line("ats", status), "ats         Building 7 s (Fetch 1 s, Provision 4 s), Testing 2 s");
    }

    #[test]
    fn an_image_that_no_build_made_well_is_an_error() {
        assert!(running(&environment("r/ats@sha256:2"), "ats", &[build("Succeeded")]).is_err());
        assert!(running(&environment("r/ats@sha256:1"), "ats", &[build("Failed")]).is_err());
    }
}
