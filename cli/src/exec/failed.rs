//! `slipway exec --failed`: a command in a pod of an image whose unit tests failed. The pod is made for it, and removed after it.

mod choice;
mod pod;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::api::{ListParams, PostParams};
use slipway_crds::names;
use slipway_crds::v1alpha1::{Fleet, ServiceBuild};
use slipway_plan::desired::build::{HELD_SECONDS, build_failed_job};
use tokio::signal::unix::{SignalKind, signal};

use crate::api_error::Attempted as _;
use crate::args::Exec;
use crate::connect::Session;
use crate::exit::{Exit, Usage};
use crate::output::Output;
use choice::Kept;

/// Runs it; its exit code is ours.
pub async fn run(session: &Session, arguments: &Exec, output: &mut Output) -> anyhow::Result<Exit> {
    let all = session.in_namespace::<ServiceBuild>().list(&ListParams::default()).await;
    let all = all.attempted("list builds")?.items;
    let kept = choice::choose(&all, &arguments.service).map_err(Usage)?;
    output.say(&kept.told(output.colours_of_news));
    let (name, command) = (name(Timestamp::now()), command(arguments));
    let jobs: Api<Job> = Api::namespaced(session.client.clone(), kept.namespace);
    let inside = inside(session, &jobs, &kept, &name, &command, output);
    let ended = tokio::select! {
        ended = inside => ended,
        interrupted = told_to_end() => interrupted.map(|()| Exit::Interrupted),
    };
    // Also of one whose making was not answered any more.
    pod::remove(&jobs, &name, output).await;
    ended
}

async fn inside(
    session: &Session,
    jobs: &Api<Job>,
    kept: &Kept<'_>,
    name: &str,
    command: &[String],
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let fleets = session.in_namespace::<Fleet>().list(&ListParams::default()).await;
    let fleets = fleets.attempted("read the Fleet")?.items;
    let [fleet] = fleets.as_slice() else {
        anyhow::bail!("there is not exactly one Fleet in namespace {}: keep one", session.namespace);
    };
    let job = build_failed_job(&kept.looking(name), &fleet.spec);
    let params = PostParams { field_manager: Some(names::CLI_MANAGER.to_owned()), ..PostParams::default() };
    let attempt = format!("make a pod of that image in namespace {}", kept.namespace);
    jobs.create(&params, &job).await.attempted(attempt)?;
    let minutes = HELD_SECONDS / 60;
    let (namespace, faint) = (kept.namespace, output.colours_of_news);
    output.say(&faint.faint(&format!(
        "job {name} in namespace {namespace}; its pod goes when you leave it, and in {minutes} minutes at the latest"
    )));
    let pods = Api::namespaced(session.client.clone(), kept.namespace);
    let pod = pod::until_it_runs(&pods, name, output).await?;
    super::execute(&pods, &pod, kept.service, command).await
}

/// What was said, or the best shell that the image has.
fn command(arguments: &Exec) -> Vec<String> {
    if !arguments.command.is_empty() {
        return arguments.command.clone();
    }
    ["/bin/sh", "-c", "if command -v bash > /dev/null; then exec bash; fi; exec sh"].map(str::to_owned).into()
}

/// A name that no other look has.
fn name(now: Timestamp) -> String {
    now.to_zoned(TimeZone::UTC).strftime("failed-%Y%m%d-%H%M%S-%6f").to_string()
}

/// Ctrl-C where no terminal passes it on, a closed terminal, `kill`.
async fn told_to_end() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_looks_have_two_names() {
        let at = |text: &str| name(text.parse().unwrap());
        assert_eq!(at("2026-11-22T10:00:00.120001Z"), "failed-20261122-100000-120001");
        assert_ne!(at("2026-11-22T10:00:00.120001Z"), at("2026-11-22T10:00:00.120002Z"));
    }
}
