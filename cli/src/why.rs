//! `slipway why`: why a service runs what it runs, and what it waits for.

mod reasons;
mod told;

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, ServiceRepo};

use crate::args::{Format, Why};
use crate::connect::Session;
use crate::environment;
use crate::exit::Exit;
use crate::fleet;
use crate::follow::{Event, Follower, Pods};
use crate::output::{Output, objects};
use crate::pods;
use reasons::Reasons;

/// Prints it, once or whenever it changes.
pub async fn run(session: &Session, arguments: &Why, output: &mut Output) -> anyhow::Result<Exit> {
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    let under_test = environment.spec.integration.as_ref().map(|run| run.service.as_str());
    environment::refuse_unknown(
        &environment,
        std::slice::from_ref(&arguments.service),
        under_test.as_slice(),
        &session.program,
    )?;
    if arguments.watch {
        return watch(session, &environment.name_any(), arguments, output).await;
    }
    let pods = found_pods(session, &environment).await;
    show(session, &environment, &pods, arguments, output).await?;
    Ok(Exit::Done)
}

/// The pods, as far as they may be seen: what is said without them is still worth saying.
async fn found_pods(session: &Session, environment: &DevEnvironment) -> Pods {
    let Ok(api) = pods::api(session, environment) else { return Pods::new() };
    let found = pods::list(&api).await.unwrap_or_default();
    found.into_iter().map(|pod| (pod.name_any(), pod)).collect()
}

async fn watch(session: &Session, name: &str, arguments: &Why, output: &mut Output) -> anyhow::Result<Exit> {
    let mut follower = Follower::new(session, name);
    let mut seen = None;
    loop {
        match follower.next().await {
            Event::Changed(environment) => seen = Some(environment),
            Event::Pods => {}
            Event::Gone => {
                output.say(&format!("environment {name} is gone"));
                return Ok(Exit::Done);
            }
            Event::Lost(error) => {
                output.say(&format!("the API server does not answer, it is asked again: {error}"));
                continue;
            }
            Event::Second => continue,
        }
        if let Some(environment) = &seen {
            output.begin_anew(&session.headline(), arguments.printed.format)?;
            show(session, environment, &follower.pods(), arguments, output).await?;
        }
    }
}

async fn show(
    session: &Session,
    environment: &DevEnvironment,
    pods: &Pods,
    arguments: &Why,
    output: &mut Output,
) -> anyhow::Result<()> {
    let service = &arguments.service;
    let repository = match service.as_str() {
        names::LOCAL => None,
        // Only to say more: it is no reason to fail that it cannot be read.
        _ => session.in_namespace::<ServiceRepo>().get_opt(service).await.ok().flatten(),
    };
    let mut reasons = Reasons::of(service, environment, repository.as_ref(), pods, &session.program);
    reasons.ops_held_back = fleet::held_back(session, environment).await;
    match arguments.printed.format {
        Format::Text => {
            let text = told::told(&reasons, Timestamp::now(), output.colours);
            output.stdout.write_all(text.as_bytes())?;
        }
        format => objects::write(&mut *output.stdout, format, &reasons)?,
    }
    output.stdout.flush()?;
    Ok(())
}
