//! `slipway`: the command line. Verbs act by writing `DevEnvironments` and by watching them; the operator does the rest.

mod api_error;
mod args;
mod ask;
mod connect;
mod diff;
mod environment;
mod exec;
mod exit;
mod folder;
mod follow;
mod keep;
mod list;
mod log;
mod logs;
mod open;
mod output;
mod plan;
mod pods;
mod request;
mod start;
mod status;
mod stop;
mod test;
mod write;

use anyhow::Result;
use args::{Arguments, Verb};
use clap::Parser as _;
use connect::Session;
use exit::Exit;
use output::Output;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let exit = match Arguments::try_parse() {
        Ok(arguments) => verdict(arguments).await,
        Err(error) => {
            drop(error.print());
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    };
    // Not by returning: a read of standard input that is under way would be waited for.
    std::process::exit(exit.code().into());
}

async fn verdict(arguments: Arguments) -> Exit {
    let mut output = Output::of_process(arguments.place.no_color);
    let verb = arguments.verb;
    let ended = async {
        let session = connect::connect(&arguments.place).await?;
        output.say(&output.colours_of_news.faint(&session.headline()));
        run(&session, &verb, &mut output).await
    };
    match ended.await {
        Ok(exit) => exit,
        Err(error) => {
            let exit = Exit::of_error(&verb, &error);
            if !exit::is_broken_pipe(&error) {
                output.say(&format!("{} {}", output.colours_of_news.bad("error:"), api_error::told(&error)));
            }
            exit
        }
    }
}

async fn run(session: &Session, verb: &Verb, output: &mut Output) -> Result<Exit> {
    match verb {
        Verb::Start(arguments) => start::run(session, arguments, output).await,
        Verb::Stop(arguments) => stop::run(session, arguments, output).await,
        Verb::Status(arguments) => status::run(session, arguments, output).await,
        Verb::Logs(arguments) => logs::run(session, arguments, output).await,
        Verb::Open(arguments) => open::run(session, arguments, output).await,
        Verb::Exec(arguments) => exec::run(session, arguments, output).await,
        Verb::List(arguments) => list::run(session, arguments, output).await,
        Verb::Keep(arguments) => keep::run(session, arguments, output).await,
        Verb::Plan(arguments) => plan::run(session, arguments, output).await,
        Verb::Diff(arguments) => diff::run(session, arguments, output).await,
        Verb::Test(arguments) => test::run(session, arguments, output).await,
    }
}
