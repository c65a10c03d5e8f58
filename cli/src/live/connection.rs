//! A command in a container whose standard streams are a socket here, so that both ends of a sync speak alike.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use crate::api_error::Attempted as _;

/// Bytes in flight.
const BUFFER: usize = 64 << 10;
/// For how long nothing may come: the other end says something every five seconds.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes of the command's complaints that are kept.
const COMPLAINTS: u64 = 4 << 10;
/// How long the reason of an end is waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Carries bytes until either end is done; dropped, the command loses its standard input.
pub struct Pump {
    task: JoinHandle<String>,
}

impl Pump {
    /// What the command complained about, or why it did not run; empty when it said nothing.
    pub async fn finish(mut self) -> String {
        match tokio::time::timeout(LAST_WORDS, &mut self.task).await {
            Ok(said) => said.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the command. Reads of the socket time out when the other end is gone without a word.
pub async fn open(
    api: &Api<Pod>,
    pod: &str,
    container: &str,
    command: &[String],
) -> anyhow::Result<(UnixStream, Pump)> {
    let wanted = AttachParams::default()
        .container(container)
        .stdin(true)
        .stdout(true)
        .stderr(true)
        .max_stdin_buf_size(BUFFER)
        .max_stdout_buf_size(BUFFER);
    let process = api.exec(pod, command, &wanted).await.attempted(format!("run the agent in pod {pod}"))?;
    let (here, there) = UnixStream::pair()?;
    here.set_read_timeout(Some(SILENCE))?;
    here.set_write_timeout(Some(SILENCE))?;
    there.set_nonblocking(true)?;
    let there = tokio::net::UnixStream::from_std(there)?;
    Ok((here, Pump { task: tokio::spawn(carry(process, there)) }))
}

async fn carry(mut process: AttachedProcess, socket: tokio::net::UnixStream) -> String {
    let status = process.take_status();
    let complaints = tokio::spawn(complaints(process.stderr()));
    let (mut from_here, mut to_here) = socket.into_split();
    let (stdin, stdout) = (process.stdin(), process.stdout());
    let out = async {
        if let Some(mut stdin) = stdin {
            drop(tokio::io::copy(&mut from_here, &mut stdin).await);
            drop(stdin.shutdown().await);
        }
    };
    let back = async {
        if let Some(mut stdout) = stdout {
            drop(tokio::io::copy(&mut stdout, &mut to_here).await);
        }
        drop(to_here.shutdown().await);
    };
    let status = said_at_the_end(status);
    tokio::pin!(out, back, status);
    // A connection that breaks leaves standard output open for ever; of the status it says at once that there is none.
    let ended = tokio::select! {
        () = &mut back => tokio::time::timeout(LAST_WORDS, &mut status).await.ok().flatten(),
        status = &mut status => {
            if status.is_none() {
                return String::new();
            }
            drop(tokio::time::timeout(LAST_WORDS, &mut back).await);
            status
        }
        // Our end is closed: the command has its last word.
        () = &mut out => {
            drop(tokio::time::timeout(LAST_WORDS, &mut back).await);
            None
        }
    };
    let complaints = tokio::time::timeout(LAST_WORDS, complaints).await;
    let said = complaints.ok().and_then(Result::ok).unwrap_or_default();
    let failed = ended.filter(|status| status.status.as_deref() != Some("Success"));
    let why = failed.and_then(|status| status.message).unwrap_or_default();
    [said.trim(), why.trim()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
}

async fn said_at_the_end(status: Option<impl Future<Output = Option<Status>>>) -> Option<Status> {
    match status {
        Some(status) => status.await,
        None => None,
    }
}

async fn complaints(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut said = Vec::new();
    drop((&mut from).take(COMPLAINTS).read_to_end(&mut said).await);
    drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
    String::from_utf8_lossy(&said).into_owned()
}

/// Runs a command that takes these bytes, and waits for its end; what it says when it fails.
pub async fn feed(
    api: &Api<Pod>,
    pod: &str,
    container: &str,
    command: &[String],
    bytes: &[u8],
) -> anyhow::Result<Result<(), String>> {
    let wanted = AttachParams::default().container(container).stdin(true).stdout(false).stderr(true);
    let wanted = wanted.max_stdin_buf_size(BUFFER);
    let mut process = api.exec(pod, command, &wanted).await.attempted(format!("copy into pod {pod}"))?;
    let status = process.take_status();
    let complaints = tokio::spawn(complaints(process.stderr()));
    let sent: io::Result<()> = async {
        let Some(mut stdin) = process.stdin() else { return Ok(()) };
        stdin.write_all(bytes).await?;
        stdin.shutdown().await
    }
    .await;
    let status = said_at_the_end(status).await;
    let said = complaints.await.unwrap_or_default();
    match status {
        Some(status) if status.status.as_deref() == Some("Success") => {
            Ok(sent.map_err(|error| error.to_string()))
        }
        Some(status) => Ok(Err(format!("{} {}", said.trim(), status.message.unwrap_or_default()))),
        None => Ok(Err("the connection was lost".to_owned())),
    }
}
