//! `slipway stop`: the environment's namespace goes, the object stays. It is an annotation, so it works for environments
//! from git, too.

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::names;

use crate::args::{Format, Stop};
use crate::connect::Session;
use crate::environment::{self, State};
use crate::exit::Exit;
use crate::output::{Output, elapsed, objects};
use crate::write;

/// Asks for it.
pub async fn run(session: &Session, arguments: &Stop, output: &mut Output) -> anyhow::Result<Exit> {
    let name = arguments.name.clone().map_or_else(environment::own_name, Ok)?;
    let environment = environment::find(session, &name).await?;
    write::refuse_deleting(&environment, &session.program)?;
    let mut stopped = environment.clone();
    let already = environment.annotations().contains_key(names::STOPPED_AT);
    if !already {
        let now = Some(elapsed::moment(Timestamp::now()));
        stopped = write::annotate(session, &environment, vec![(names::STOPPED_AT, now)]).await?;
    }
    match arguments.printed.format {
        Format::Text => {
            writeln!(output.stdout, "{}", told(&name, already, environment::state(&environment), session))?;
        }
        format => objects::write(&mut *output.stdout, format, &stopped)?,
    }
    Ok(Exit::Done)
}

fn told(name: &str, already: bool, before: State, session: &Session) -> String {
    let again = format!("start it again: {} start --env {name}", session.program);
    match (already, before) {
        (false, State::Ended(_)) => {
            format!("{name} had ended already, and stays so until it is started; {again}")
        }
        (false, _) => {
            format!("{name} stops: its pods and their data go, what it ran stays on record; {again}")
        }
        (true, State::Ended(_)) => format!("{name} is stopped already; {again}"),
        (true, _) => format!("{name} is stopping already; {again}"),
    }
}
