//! `slipway test`: a service's integration tests against exactly its declared dependencies. This is what a CI pipeline calls.

mod junit;
mod request;
mod watch;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::runtime::{conditions, wait};
use slipway_crds::names;
use slipway_crds::v1alpha1::{
    DevEnvironment, DevEnvironmentSpec, IntegrationSpec, IntegrationStatus, IntegrationStep, Outcome,
};
use slipway_plan::integration::result;

use crate::api_error::Attempted as _;
use crate::args::{Format, Test};
use crate::connect::Session;
use crate::environment::{self, State};
use crate::exit::{Exit, Usage};
use crate::output::{Output, objects, run as shown};
use crate::start::environment_of_that_name;
use crate::write::{self, Declared};
use request::Ask;
use watch::Watched;

/// What `slipway test` writes into the annotation that says who made an environment.
const MADE_BY: &str = "slipway test";
/// Where JUnit files go when nothing is said.
const FOLDER: &str = "slipway-results";
/// How long an environment of the same name may take to go.
const GOING: SignedDuration = SignedDuration::from_mins(2);

/// Runs them, or answers with the result there is.
pub async fn run(session: &Session, arguments: &Test, output: &mut Output) -> anyhow::Result<Exit> {
    let name = request::name(&arguments.service, &arguments.commit)?;
    let timeout = arguments.timeout.as_deref().map(slipway_plan::duration::parse).transpose()?;
    let folder = folder(arguments)?;
    let before = standing(session, &name, output).await?;
    let ask = request::ask(before.as_ref(), arguments, &session.program)?;
    let environment = obey(session, &name, ask, before, arguments, output).await?;
    if let Some(run) = finished(&environment) {
        output.say("the stored result; for another run: --again");
        return report(session, &environment, &run, folder.as_deref(), arguments, output).await;
    }
    if !arguments.wait {
        return under_way(session, &environment, arguments, output);
    }
    match watch::until_finished(session, &environment, timeout, arguments, output).await? {
        Watched::Finished(environment, run, shown) => {
            if !shown {
                show_stored_log(session, &run, arguments, output).await;
            }
            report(session, &environment, &run, folder.as_deref(), arguments, output).await
        }
        Watched::TimedOut => {
            anyhow::bail!("no result in time; the run goes on\n  wait for it: {}", again(session, arguments))
        }
        Watched::Gone => anyhow::bail!(
            "somebody deleted {name}, and its result with it\n  run it anew: {}",
            again(session, arguments)
        ),
        Watched::Interrupted => {
            output.say(&format!("no longer watched; the run goes on: {}", again(session, arguments)));
            Ok(Exit::Interrupted)
        }
    }
}

/// The folder for JUnit files, made before anything is run: that it cannot be made is better known now.
fn folder(arguments: &Test) -> anyhow::Result<Option<PathBuf>> {
    let folder = arguments.junit.clone().or_else(|| arguments.wait.then(|| PathBuf::from(FOLDER)));
    if let Some(folder) = &folder {
        std::fs::create_dir_all(folder).map_err(|error| {
            Usage(format!("folder {} cannot be made: {error}; name another with --junit", folder.display()))
        })?;
    }
    Ok(folder)
}

/// The environment of the run, if there is one; one that is going is waited for.
async fn standing(
    session: &Session,
    name: &str,
    output: &mut Output,
) -> anyhow::Result<Option<DevEnvironment>> {
    let found = environment_of_that_name(session, name).await?;
    let Some(going) = found.as_ref().filter(|found| environment::state(found) == State::Deleting) else {
        return Ok(found);
    };
    output.say(&format!("an older {name} is being removed, and waited for"));
    let uid = going.uid().unwrap_or_default();
    let gone = wait::await_condition(session.environments(), name, conditions::is_deleted(&uid));
    let gone = tokio::time::timeout(GOING.unsigned_abs(), gone).await;
    gone.with_context(|| {
        format!("an older {name} does not go; see why: {} status {name}", session.program)
    })??;
    environment_of_that_name(session, name).await
}

/// Does what is asked for; the environment whose run is meant.
async fn obey(
    session: &Session,
    name: &str,
    ask: Ask,
    before: Option<DevEnvironment>,
    arguments: &Test,
    output: &mut Output,
) -> anyhow::Result<DevEnvironment> {
    let attempt = match (ask, &before) {
        (Ask::AsItIs, Some(before)) => return Ok(before.clone()),
        (Ask::AsItIs | Ask::First, _) => None,
        (Ask::Again(attempt), _) => Some(attempt),
    };
    // First this: a run that begins in a stopped environment would be over at once.
    let stopped = before.as_ref().filter(|before| before.annotations().contains_key(names::STOPPED_AT));
    if let Some(before) = stopped {
        write::annotate(session, before, vec![(names::STOPPED_AT, None)]).await?;
    }
    let commit = request::commit(&arguments.commit);
    let integration = IntegrationSpec { service: arguments.service.clone(), commit, attempt };
    let spec = DevEnvironmentSpec { integration: Some(integration), ..DevEnvironmentSpec::default() };
    let declared = Declared { name, spec: &spec, made_by: MADE_BY, before: before.as_ref() };
    let environment = write::apply(session, &declared).await?;
    let which = attempt.map(|attempt| format!(", attempt {attempt}")).unwrap_or_default();
    output.say(&format!("integration run {name} made{which}"));
    Ok(environment)
}

/// The run of the environment's present spec, when it is over.
fn finished(environment: &DevEnvironment) -> Option<IntegrationStatus> {
    let run = environment.status.as_ref()?.integration.as_ref()?;
    let over =
        run.step == IntegrationStep::Finished && Some(run.generation) == environment.metadata.generation;
    over.then(|| run.clone())
}

fn under_way(
    session: &Session,
    environment: &DevEnvironment,
    arguments: &Test,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    match arguments.printed.format {
        Format::Text => writeln!(
            output.stdout,
            "{} is under way; wait for its result: {}",
            environment.name_any(),
            again(session, arguments)
        )?,
        format => objects::write(&mut *output.stdout, format, environment)?,
    }
    Ok(Exit::Done)
}

/// The call that waits for the run.
fn again(session: &Session, arguments: &Test) -> String {
    format!("{} test {} --commit {} --wait", session.program, arguments.service, arguments.commit)
}

/// Writes the JUnit files, tells the result, and ends with its code.
async fn report(
    session: &Session,
    environment: &DevEnvironment,
    run: &IntegrationStatus,
    folder: Option<&Path>,
    arguments: &Test,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    if let (Some(folder), Some(stored)) = (folder, stored(session, run).await?) {
        let written = junit::write(folder, &stored)?;
        output.say(&format!("{written} JUnit files in {}", folder.display()));
    }
    let told = match arguments.printed.format {
        Format::Text => {
            let text = told(environment, run, arguments, &session.program, output);
            output.stdout.write_all(text.as_bytes()).map_err(Into::into)
        }
        format => objects::write(&mut *output.stdout, format, environment),
    };
    // Whoever hears only the code must hear the right one, whether or not somebody still reads the text.
    told.or_else(|error| if crate::exit::is_broken_pipe(&error) { Ok(()) } else { Err(error) })?;
    Ok(exit(run.outcome))
}

fn exit(outcome: Option<Outcome>) -> Exit {
    match outcome {
        Some(Outcome::Passed) => Exit::Done,
        Some(Outcome::Failed) => Exit::Failed,
        Some(Outcome::Error) | None => Exit::Undecided,
    }
}

fn told(
    environment: &DevEnvironment,
    run: &IntegrationStatus,
    arguments: &Test,
    program: &str,
    output: &Output,
) -> String {
    let (name, service) = (environment.name_any(), &arguments.service);
    let lock = environment::status(environment).lock;
    let locked =
        lock.iter().find(|locked| locked.service == *service).and_then(|locked| locked.commit.as_deref());
    let commit = locked.unwrap_or(&arguments.commit);
    let summary = shown::summary(run, output.colours);
    format!("{service} at {commit}\n{summary}  the whole log: {program} logs -e {name} tests\n")
}

async fn stored(session: &Session, run: &IntegrationStatus) -> anyhow::Result<Option<ConfigMap>> {
    let Some(name) = &run.result else { return Ok(None) };
    session.in_namespace::<ConfigMap>().get_opt(name).await.attempted(format!("read the result {name}"))
}

/// The log, where nothing of it was seen while it was printed.
async fn show_stored_log(session: &Session, run: &IntegrationStatus, arguments: &Test, output: &mut Output) {
    let log = stored(session, run).await.ok().flatten().and_then(|stored| stored.data?.remove(result::LOG));
    if let Some(log) = log {
        let text = if log.is_empty() || log.ends_with('\n') { log } else { log + "\n" };
        drop(watch::sink(arguments, output).write_all(text.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(generation: i64, step: &str) -> DevEnvironment {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "test-www-3f2c", "generation": generation},
            "spec": {"integration": {"service": "www", "commit": "3f2c"}},
            "status": {"integration": {"generation": 1, "step": step, "outcome": "Passed",
                "since": "2026-11-22T10:00:00Z"}}}))
        .unwrap()
    }

    #[test]
    fn only_the_run_of_the_present_spec_counts() {
        assert!(finished(&environment(1, "Finished")).is_some());
        assert!(finished(&environment(2, "Finished")).is_none(), "the result of the attempt before");
        assert!(finished(&environment(1, "Running")).is_none());
    }

    #[test]
    fn passed_failed_and_error_are_three_codes() {
        let outcomes = [Some(Outcome::Passed), Some(Outcome::Failed), Some(Outcome::Error), None];
        assert_eq!(outcomes.map(|outcome| exit(outcome).code()), [0, 1, 2, 2]);
    }
}
