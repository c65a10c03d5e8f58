//! `slipway exec`: a command in a service's container.

mod failed;
mod terminal;

use std::io::IsTerminal as _;

use futures::SinkExt as _;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{AttachParams, AttachedProcess, TerminalSize};
use kube::{Api, ResourceExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::signal::unix::{SignalKind, signal};

use crate::api_error::Attempted as _;
use crate::args::Exec;
use crate::connect::Session;
use crate::environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::pods;
use terminal::Raw;

/// Runs it; its exit code is ours.
pub async fn run(session: &Session, arguments: &Exec, output: &mut Output) -> anyhow::Result<Exit> {
    if arguments.failed {
        return failed::run(session, arguments, output).await;
    }
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    let (api, name, program) = (pods::api(session, &environment)?, environment.name_any(), &session.program);
    let all = pods::list(&api).await?;
    let (pod, container) = pods::choose(&all, &arguments.service, arguments.role.as_deref())
        .map_err(|problem| anyhow::anyhow!("{problem}\n  look closer: {program} status {name}"))?;
    output
        .say(&output.colours_of_news.faint(&format!("environment {name}, pod {pod}, container {container}")));
    execute(&api, &pod, &container, &arguments.command).await
}

/// Runs a command in a container, with the terminal if there is one.
async fn execute(api: &Api<Pod>, pod: &str, container: &str, command: &[String]) -> anyhow::Result<Exit> {
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let wanted = AttachParams::default().container(container).stdin(true).stdout(true).stderr(!tty).tty(tty);
    let process = api.exec(pod, command, &wanted).await.attempted(format!("run a command in pod {pod}"))?;
    let raw = tty.then(Raw::enter).transpose()?;
    let status = carry(process, tty).await;
    drop(raw);
    exit(status?)
}

/// Carries bytes to and fro until the command ends.
async fn carry(mut process: AttachedProcess, tty: bool) -> anyhow::Result<Option<Status>> {
    let status = process.take_status();
    let (stdout, stderr) = (process.stdout(), process.stderr());
    if let Some(stdin) = process.stdin() {
        tokio::spawn(send(stdin));
    }
    if let Some(sizes) = process.terminal_size().filter(|_| tty) {
        tokio::spawn(resize(sizes));
    }
    // Not waiting for the other one: a reader that went away would leave it waiting for ever.
    futures::future::try_join(print(stdout, tokio::io::stdout()), print(stderr, tokio::io::stderr())).await?;
    Ok(match status {
        Some(status) => status.await,
        None => None,
    })
}

async fn send(mut to: impl tokio::io::AsyncWrite + Unpin) {
    // It ends with standard input, or with the command: neither is worth a word.
    drop(tokio::io::copy(&mut tokio::io::stdin(), &mut to).await);
    drop(to.shutdown().await);
}

async fn print(
    from: Option<impl AsyncRead + Unpin>,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&bytes[..count]).await?;
        to.flush().await?;
    }
}

async fn resize(mut sizes: futures::channel::mpsc::Sender<TerminalSize>) {
    let Ok(mut changed) = signal(SignalKind::window_change()) else { return };
    loop {
        if let Some((width, height)) = terminal::size()
            && sizes.send(TerminalSize { width, height }).await.is_err()
        {
            return;
        }
        changed.recv().await;
    }
}

/// What the end of a command says: its code, or why there is none.
fn exit(status: Option<Status>) -> anyhow::Result<Exit> {
    let Some(status) = status else {
        anyhow::bail!(
            "the connection ended before the command did: nobody knows how it ended\n  look at what it did before it is run again"
        );
    };
    if status.status.as_deref() == Some("Success") {
        return Ok(Exit::Done);
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let mut codes = causes.filter(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = codes.find_map(|cause| cause.message.as_deref()?.parse().ok());
    let why = status.message.unwrap_or_default();
    code.map(Exit::Command)
        .ok_or_else(|| anyhow::anyhow!("the command did not run: {why}\n  is that command in the image?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ended(status: &Value) -> anyhow::Result<Exit> {
        exit(Some(serde_json::from_value(status.clone()).unwrap()))
    }

    #[test]
    fn the_commands_own_code_is_passed_on() {
        assert_eq!(ended(&json!({"status": "Success"})).unwrap(), Exit::Done);
        let failed = json!({"status": "Failure", "reason": "NonZeroExitCode", "message": "exit code 3",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}});
        assert_eq!(ended(&failed).unwrap(), Exit::Command(3));
    }

    #[test]
    fn a_command_that_never_ran_is_told_from_one_that_failed() {
        let missing = json!({"status": "Failure", "reason": "InternalError", "message": "no such file"});
        let told = ended(&missing).unwrap_err().to_string();
        assert_eq!(told, "the command did not run: no such file\n  is that command in the image?");
        assert!(exit(None).unwrap_err().to_string().contains("nobody knows"));
    }
}
