//! `slipway status`: one environment.

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::v1alpha1::DevEnvironment;

use crate::args::{Format, Status};
use crate::connect::Session;
use crate::environment;
use crate::exit::Exit;
use crate::fleet;
use crate::follow::{Event, Follower};
use crate::output::{Output, objects, standing};

/// Prints it, once or whenever it changes.
pub async fn run(session: &Session, arguments: &Status, output: &mut Output) -> anyhow::Result<Exit> {
    let environment = environment::find_or_guess(session, arguments.name.as_deref()).await?;
    let format = arguments.printed.format;
    if !arguments.watch {
        show(session, &environment, format, output).await?;
        return Ok(Exit::Done);
    }
    let name = environment.name_any();
    let mut follower = Follower::new(session, &name);
    loop {
        match follower.next().await {
            Event::Changed(environment) => {
                output.begin_anew(&session.headline(), format)?;
                show(session, &environment, format, output).await?;
            }
            Event::Gone => {
                output.say(&format!("environment {name} is gone"));
                return Ok(Exit::Done);
            }
            Event::Lost(error) => {
                output.say(&format!("the API server does not answer, it is asked again: {error}"));
            }
            Event::Pods | Event::Second => {}
        }
    }
}

async fn show(
    session: &Session,
    environment: &DevEnvironment,
    format: Format,
    output: &mut Output,
) -> anyhow::Result<()> {
    match format {
        Format::Text => {
            let text = standing::standing(environment, &session.program, Timestamp::now(), output.colours);
            output.stdout.write_all(text.as_bytes())?;
            if let Some(why) = fleet::held_back(session, environment).await {
                writeln!(output.stdout, "\nnot of the newest ops commit: {why}")?;
            }
        }
        Format::Json | Format::Yaml => objects::write(&mut *output.stdout, format, environment)?,
    }
    output.stdout.flush()?;
    Ok(())
}
