//! A part of the node: how it is started, watched, and found healthy.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::command::last_lines;
use crate::error::{Error, Result};
use crate::health::Health;
use crate::namespaces::Namespaces;
use crate::settings::Settings;

/// How long a part may take to become healthy; slow machines under load included.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(25);
const LOG_LINES: usize = 20;

/// What is to be started.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Part {
    pub(crate) fn new(name: &str, program: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), program: program.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    pub(crate) fn arguments<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }
}

/// A part that ended although nobody asked it to.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The part's name.
    pub name: String,
    /// How it ended.
    pub reason: String,
    /// The last lines of its log.
    pub log: String,
}

impl From<Ended> for Error {
    fn from(Ended { name, reason, log }: Ended) -> Self {
        Self::Part { name, reason, log }
    }
}

/// Tells of the first part that ends.
pub(crate) type EndedSender = watch::Sender<Option<Ended>>;

/// A part that was started.
pub(crate) struct Running {
    name: String,
    log: PathBuf,
    ended: watch::Receiver<Option<Ended>>,
}

/// Starts a part inside; its output goes to its log.
pub(crate) fn start(
    settings: &Settings,
    namespaces: &Namespaces,
    part: Part,
    ended: &EndedSender,
) -> Result<Running> {
    let log = settings.log(&part.name);
    settings.folder("logs")?;
    let output = File::create(&log).map_err(Error::file("create", &log))?;
    let errors = output.try_clone().map_err(Error::file("open", &log))?;
    let mut command = inside(settings, &part.program);
    command.args(&part.arguments).envs(part.environment).stdin(Stdio::null()).stdout(output).stderr(errors);
    let child = namespaces.spawn(command)?;
    watch_end(child, part.name.clone(), log.clone(), ended.clone())?;
    Ok(Running { name: part.name, log, ended: ended.subscribe() })
}

/// A command with the environment that everything inside gets: the unpacked programs are found, the user's settings not.
pub(crate) fn inside(settings: &Settings, program: &Path) -> Command {
    let mut command = Command::new(program);
    let found = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    let mut folders = settings.cache.unpacked(&["usr/sbin", "usr/bin", "sbin", "bin"]);
    folders.extend(std::env::split_paths(&found));
    let path = std::env::join_paths(folders).unwrap_or(found);
    command.env_clear().current_dir("/").env("PATH", path).env("HOME", "/root");
    command.env("CONTAINERD_ADDRESS", settings.path("containerd.sock"));
    command
}

/// One thread per part waits for its end; it ends with the part.
fn watch_end(mut child: Child, name: String, log: PathBuf, ended: EndedSender) -> Result<()> {
    let wait = move || {
        let status = child.wait();
        ended.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(Ended { log: tail(&log), name, reason: spoken(status) });
            }
            is_first
        });
    };
    let thread = std::thread::Builder::new().name("slipway-watch".into()).spawn(wait);
    thread.map(drop).map_err(|source| Error::Start { command: "a thread".into(), source })
}

fn spoken(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("ended by itself ({status})"),
        Err(failure) => format!("cannot be watched: {failure}"),
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    last_lines(&String::from_utf8_lossy(&text), LOG_LINES)
}

impl Running {
    /// Waits until the part is healthy; the end of any part ends the wait.
    pub(crate) async fn healthy(mut self, health: Health) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let (name, log) = (self.name, self.log);
        let poll = async {
            while !health.is_good().await {
                if Instant::now() > deadline {
                    let reason = format!("was not healthy within {} s", PATIENCE.as_secs());
                    return Err(Error::Part { name, reason, log: tail(&log) });
                }
                sleep(POLL).await;
            }
            Ok(())
        };
        tokio::select! {
            healthy = poll => healthy,
            ended = first_end(&mut self.ended) => Err(ended.into()),
        }
    }
}

/// Waits for the first part that ends.
pub(crate) async fn first_end(ended: &mut watch::Receiver<Option<Ended>>) -> Ended {
    let seen = ended.wait_for(Option::is_some).await.ok().and_then(|seen| seen.clone());
    match seen {
        Some(ended) => ended,
        // Nobody is left who could tell.
        None => std::future::pending().await,
    }
}
