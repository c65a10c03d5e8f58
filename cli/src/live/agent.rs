//! The agent in a container: fat containers have it, into others it is copied.

use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use slipway_agent::live::{LiveError, Sender, SyncOrder};

use super::connection::{self, Pump};

/// The process that brought up a container.
const FIRST: &str = "1";
/// Where the operator puts it.
const INJECTED: &str = "/slipway/agent";
/// Where it is copied to; beside it the agent keeps what it has to remember.
const COPIED: &str = "/tmp/.slipway/agent";
/// Takes as many bytes as its first argument says: not every way to a container tells where input ends.
const COPY: &str = "mkdir -p /tmp/.slipway && head -c \"$0\" > /tmp/.slipway/agent.part && \
    chmod 755 /tmp/.slipway/agent.part && mv -f /tmp/.slipway/agent.part /tmp/.slipway/agent";

/// What is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// To mirror a folder.
    Sync(SyncOrder),
    /// To mirror the ops repository of a container that it brought up, and to provision.
    SyncOps,
}

impl Task {
    fn words(&self, program: &str) -> anyhow::Result<Vec<String>> {
        let words = match self {
            Self::Sync(order) => vec!["sync".to_owned(), serde_json::to_string(order)?],
            Self::SyncOps => ["sync-ops", FIRST].map(str::to_owned).into(),
        };
        Ok([vec![program.to_owned()], words].concat())
    }
}

/// A container.
pub struct Place<'a> {
    /// The pods of its namespace.
    pub api: &'a Api<Pod>,
    /// Its pod.
    pub pod: &'a str,
    /// Its name.
    pub container: &'a str,
}

/// Our end of a conversation with an agent.
pub type Speaker = Sender<BufReader<UnixStream>, UnixStream>;

/// An agent that answers.
pub struct Reached {
    /// What to speak with.
    pub sender: Speaker,
    /// What carries it.
    pub pump: Pump,
}

/// Begins a conversation with the agent of this container; where there is none, one is copied there first.
pub async fn reach(
    place: &Place<'_>,
    task: &Task,
    own: Option<&Path>,
    slipway: &str,
) -> anyhow::Result<Reached> {
    let mut said = Vec::new();
    for program in [INJECTED, COPIED] {
        match begin(place, program, task).await? {
            Ok(reached) => return Ok(reached),
            // Another than the one that brought the container up knows nothing of its ops repository.
            Err(why) if *task == Task::SyncOps => anyhow::bail!(older(place, &why, slipway)),
            Err(why) => said.push(format!("{program}: {why}")),
        }
    }
    let file = own.map(Path::to_owned).or_else(beside);
    let Some(file) = file else { anyhow::bail!(missing(place, &said)) };
    let bytes = tokio::fs::read(&file).await;
    let bytes = bytes.map_err(|error| anyhow::anyhow!("failed to read {}: {error}", file.display()))?;
    let size = bytes.len().to_string();
    let words = ["sh", "-c", COPY, &size].map(str::to_owned);
    let copied = connection::feed(place.api, place.pod, place.container, &words, &bytes).await?;
    if let Err(why) = copied {
        anyhow::bail!(
            "failed to copy the agent into container {}: {why}\n  its image needs sh, head and a /tmp that can be written to; \
             a service without `image` has the agent already",
            place.container
        );
    }
    match begin(place, COPIED, task).await? {
        Ok(reached) => Ok(reached),
        Err(why) => anyhow::bail!(
            "{} does not run in container {}: {why}\n  name a static slipway-agent for its architecture with --agent",
            file.display(),
            place.container
        ),
    }
}

/// The agent at this path, or what was said instead of a greeting. What it refuses itself is an error.
async fn begin(place: &Place<'_>, program: &str, task: &Task) -> anyhow::Result<Result<Reached, String>> {
    let words = task.words(program)?;
    let (socket, pump) = connection::open(place.api, place.pod, place.container, &words).await?;
    let greeted = tokio::task::spawn_blocking(move || {
        let input = BufReader::new(socket.try_clone().map_err(|source| LiveError::Lost { source })?);
        Sender::greet(input, socket)
    });
    match greeted.await? {
        Ok(sender) => Ok(Ok(Reached { sender, pump })),
        Err(LiveError::Lost { source }) => {
            let said = pump.finish().await;
            Ok(Err(if said.is_empty() { source.to_string() } else { said }))
        }
        Err(other) => Err(other.into()),
    }
}

fn older(place: &Place<'_>, why: &str, slipway: &str) -> String {
    let service = place.container;
    format!(
        "the agent of pod {} does not take an ops repository: {why}\n  it may be older than this program: {slipway} restart {service}",
        place.pod
    )
}

fn missing(place: &Place<'_>, said: &[String]) -> String {
    format!(
        "there is no agent in container {} of pod {} that could take files\n  {}\n  \
         copy one with --agent FILE (the static slipway-agent of `make agent`), or leave out `image` in manifest.yaml: \
         images that Slipway builds have it",
        place.container,
        place.pod,
        said.join("\n  ")
    )
}

/// The agent beside this program, if it runs anywhere: a program that needs a loader does not.
fn beside() -> Option<PathBuf> {
    let file = std::env::current_exe().ok()?.with_file_name("slipway-agent");
    let start = std::fs::read(&file).ok()?;
    is_static(&start).then_some(file)
}

/// Whether an ELF program names no loader.
fn is_static(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF") && !bytes.windows(LOADER.len()).take(4096).any(|window| window == LOADER)
}

const LOADER: &[u8] = b"/ld-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_static_program_is_copied() {
        assert!(is_static(b"\x7fELF..."));
        assert!(!is_static(b"\x7fELF.../lib64/ld-linux-x86-64.so.2"));
        assert!(!is_static(b"#!/bin/sh"));
    }
}
