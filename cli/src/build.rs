//! `slipway build`: the image of a service at a commit. It makes a `ServiceBuild`; the operator does the rest.

pub mod scaffold;
mod told;

use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use slipway_crds::names;
use slipway_crds::v1alpha1::{
    BuildOutcome, BuildStep, ServiceBuild, ServiceBuildSpec, ServiceBuildStatus, ServiceRepo,
};

use crate::api_error::Attempted as _;
use crate::args::{Build, Format};
use crate::connect::Session;
use crate::exit::{Exit, Usage};
use crate::follow;
use crate::output::{Output, objects};

/// How long the API server is asked again when it does not answer, before somebody hears of it.
const SILENCE: Duration = Duration::from_secs(1);

/// Asks for it, and shows how it goes.
pub async fn run(session: &Session, arguments: &Build, output: &mut Output) -> anyhow::Result<Exit> {
    if arguments.dir.is_some() || arguments.repository.is_some() {
        let service = &arguments.service;
        let refusal = format!("--dir and --repository are of a new service: is new_service_{service} meant?");
        return Err(Usage(refusal).into());
    }
    let timeout = arguments.timeout.as_deref().map(slipway_plan::duration::parse).transpose()?;
    let commit = commit(session, arguments).await?;
    if arguments.supersede {
        supersede(session, &arguments.service, output).await?;
    }
    let made = create(session, arguments, commit).await?;
    let name = made.name_any();
    if !arguments.watch {
        return under_way(session, &made, arguments, output);
    }
    output.say(&format!("build {name} made"));
    let watching = until_finished(session, &name, output);
    tokio::select! {
        ended = watching => report(&ended?, arguments, output),
        () = follow::deadline(timeout) => {
            anyhow::bail!("not over in time; the build goes on\n  see it: kubectl get sbuild {name}")
        }
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            output.say(&format!("no longer watched; the build goes on: kubectl get sbuild {name} --watch"));
            Ok(Exit::Interrupted)
        }
    }
}

/// What is built: what was said, or the trunk as it was last read.
async fn commit(session: &Session, arguments: &Build) -> anyhow::Result<String> {
    if let Some(commit) = &arguments.commit {
        return Ok(commit.clone());
    }
    let service = &arguments.service;
    let repo = session.in_namespace::<ServiceRepo>().get_opt(service).await;
    let repo = repo.attempted(format!("read ServiceRepo {service}"))?;
    let repo = repo.ok_or_else(|| {
        Usage(format!(
            "there is no service {service} in namespace {}\n  see which there are: kubectl get srepo",
            session.namespace
        ))
    })?;
    Ok(repo.status.and_then(|status| status.trunk_commit).unwrap_or(repo.spec.trunk))
}

async fn create(session: &Session, arguments: &Build, commit: String) -> anyhow::Result<ServiceBuild> {
    let (service, ops_commit) = (arguments.service.clone(), arguments.ops_commit.clone());
    let name = name(&service, Timestamp::now());
    let mut build = ServiceBuild::new(&name, ServiceBuildSpec { service, commit, ops_commit });
    build.annotations_mut().insert(names::MADE_BY.to_owned(), "slipway build".to_owned());
    let params = PostParams { field_manager: Some(names::CLI_MANAGER.to_owned()), ..PostParams::default() };
    session.in_namespace().create(&params, &build).await.attempted(format!("make build {name}"))
}

/// A name that no other build of the service has: what the same inputs made before is found by the operator.
fn name(service: &str, now: Timestamp) -> String {
    let at = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S-%3f").to_string();
    format!("{service}-{at}")
}

async fn supersede(session: &Session, service: &str, output: &mut Output) -> anyhow::Result<()> {
    let api: Api<ServiceBuild> = session.in_namespace();
    let all = api.list(&ListParams::default()).await.attempted("list builds")?;
    let older = all.items.iter().filter(|build| build.spec.service == service && !is_over(build));
    for build in older {
        let name = build.name_any();
        let annotations = json!({names::CANCELLED_AT: Timestamp::now().to_string()});
        let patch = json!({"metadata": {"uid": build.uid(), "annotations": annotations}});
        let params =
            PatchParams { field_manager: Some(names::CLI_MANAGER.to_owned()), ..PatchParams::default() };
        api.patch(&name, &params, &Patch::Merge(&patch)).await.attempted(format!("cancel build {name}"))?;
        output.say(&format!("build {name} is cancelled"));
    }
    Ok(())
}

fn is_over(build: &ServiceBuild) -> bool {
    build.status.as_ref().is_some_and(|status| status.step == BuildStep::Finished)
}

/// Shows each step until it is over.
async fn until_finished(session: &Session, name: &str, output: &mut Output) -> anyhow::Result<ServiceBuild> {
    let seen = watcher::watch_object(session.in_namespace::<ServiceBuild>(), name);
    let mut seen = std::pin::pin!(seen.default_backoff());
    let mut shown = String::new();
    loop {
        match seen.next().await.context("the watch of the build ended")? {
            Ok(Some(build)) => {
                let line = build.status.as_ref().map(told::step).unwrap_or_default();
                if line != shown && !line.is_empty() {
                    output.say(&line);
                    shown = line;
                }
                if is_over(&build) {
                    return Ok(build);
                }
            }
            Ok(None) => anyhow::bail!("somebody deleted build {name}"),
            Err(error) => {
                output.say(&format!("no connection, trying again: {error}"));
                tokio::time::sleep(SILENCE).await;
            }
        }
    }
}

fn under_way(
    session: &Session,
    build: &ServiceBuild,
    arguments: &Build,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let name = build.name_any();
    match arguments.printed.format {
        Format::Text => {
            let namespace = &session.namespace;
            writeln!(
                output.stdout,
                "build {name} made; see it: kubectl get sbuild -n {namespace} {name} --watch"
            )?;
        }
        format => objects::write(&mut *output.stdout, format, build)?,
    }
    Ok(Exit::Done)
}

fn report(build: &ServiceBuild, arguments: &Build, output: &mut Output) -> anyhow::Result<Exit> {
    let status = build.status.clone().unwrap_or_default();
    match arguments.printed.format {
        Format::Text => {
            let text = told::whole(build, &status, output.colours);
            output.stdout.write_all(text.as_bytes())?;
        }
        format => objects::write(&mut *output.stdout, format, build)?,
    }
    Ok(exit(&status))
}

fn exit(status: &ServiceBuildStatus) -> Exit {
    match status.outcome {
        Some(BuildOutcome::Succeeded) => Exit::Done,
        Some(BuildOutcome::Failed) => Exit::Failed,
        Some(BuildOutcome::Error | BuildOutcome::Cancelled) | None => Exit::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_builds_of_a_service_have_two_names() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let first = name("www", at("2026-11-22T10:00:00.120Z"));
        assert_eq!(first, "www-20261122-100000-120");
        assert_ne!(first, name("www", at("2026-11-22T10:00:00.121Z")));
        let longest = name(&"s".repeat(32), at("2026-11-22T10:00:00Z"));
        assert!(longest.len() <= 58, "{longest}");
    }

    #[test]
    fn made_failed_and_error_are_three_codes() {
        let code = |outcome| exit(&ServiceBuildStatus { outcome, ..ServiceBuildStatus::default() }).code();
        let outcomes =
            [BuildOutcome::Succeeded, BuildOutcome::Failed, BuildOutcome::Error, BuildOutcome::Cancelled];
        assert_eq!(outcomes.map(|outcome| code(Some(outcome))), [0, 1, 2, 2]);
    }
}
