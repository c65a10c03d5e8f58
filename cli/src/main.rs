//! `slipway`: the command line. Verbs act by writing `DevEnvironments` and by watching them; the operator does the rest.

mod api_error;
mod args;
mod ask;
mod build;
mod complete;
mod completion;
mod connect;
mod diff;
mod doctor;
mod environment;
mod exec;
mod exit;
mod fleet;
mod folder;
mod follow;
mod keep;
mod list;
mod live;
mod log;
mod logs;
mod man;
mod open;
mod output;
mod plan;
mod pods;
mod request;
mod restart;
mod start;
mod status;
mod stop;
mod test;
mod why;
mod write;

use anyhow::Result;
use args::{Arguments, Call, Place, Verb};
use clap::Parser as _;
use connect::Session;
use exit::Exit;
use output::Output;

fn main() {
    // Before anything is printed: a shell may ask how a word goes on.
    complete::answer();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let exit = match &runtime {
        Ok(runtime) => runtime.block_on(called()),
        Err(error) => {
            eprintln!(
                "error: the program cannot begin: {error}\n  are there too many processes or open files?"
            );
            Exit::Failed
        }
    };
    // Neither by returning nor by dropping the runtime: a read of standard input that is under way would be waited for.
    std::process::exit(exit.code().into());
}

async fn called() -> Exit {
    match Arguments::try_parse() {
        Ok(arguments) => verdict(arguments).await,
        Err(error) => {
            drop(error.print());
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    }
}

async fn verdict(Arguments { place, call }: Arguments) -> Exit {
    let mut output = Output::of_process(place.no_color);
    let ended = match &call {
        Call::Verb(Verb::Build(arguments)) if build::scaffold::is_asked(arguments) => {
            build::scaffold::run(arguments, &mut output)
        }
        Call::Verb(verb) => on_a_cluster(&place, verb, &mut output).await,
        Call::Completion(arguments) => completion::run(arguments, &mut output),
        Call::Man(arguments) => man::run(arguments, &mut output),
    };
    match ended {
        Ok(exit) => exit,
        Err(error) => {
            let exit = Exit::of_error(&call, &error);
            if !exit::is_broken_pipe(&error) {
                output.say(&format!("{} {}", output.colours_of_news.bad("error:"), api_error::told(&error)));
            }
            exit
        }
    }
}

async fn on_a_cluster(place: &Place, verb: &Verb, output: &mut Output) -> Result<Exit> {
    let session = connect::connect(place).await?;
    output.say(&output.colours_of_news.faint(&session.headline()));
    run(&session, verb, output).await
}

async fn run(session: &Session, verb: &Verb, output: &mut Output) -> Result<Exit> {
    match verb {
        Verb::Start(arguments) => start::run(session, arguments, output).await,
        Verb::Stop(arguments) => stop::run(session, arguments, output).await,
        Verb::Status(arguments) => status::run(session, arguments, output).await,
        Verb::Why(arguments) => why::run(session, arguments, output).await,
        Verb::Logs(arguments) => logs::run(session, arguments, output).await,
        Verb::Open(arguments) => open::run(session, arguments, output).await,
        Verb::Restart(arguments) => restart::run(session, arguments, output).await,
        Verb::Exec(arguments) => exec::run(session, arguments, output).await,
        Verb::Build(arguments) => build::run(session, arguments, output).await,
        Verb::Sync(arguments) => live::run(session, arguments, output).await,
        Verb::List(arguments) => list::run(session, arguments, output).await,
        Verb::Doctor(arguments) => doctor::run(session, arguments, output).await,
        Verb::Keep(arguments) => keep::run(session, arguments, output).await,
        Verb::Plan(arguments) => plan::run(session, arguments, output).await,
        Verb::Diff(arguments) => diff::run(session, arguments, output).await,
        Verb::Test(arguments) => test::run(session, arguments, output).await,
    }
}
