//! Runs config management. Each provisioner says what to run and what its output means; the rest is the same for all.

mod command;
mod process;
mod salt;
mod salt_result;

pub use command::Command;
pub use process::{Ended, Invocation};

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::order::{Folders, Provisioning, With};
use crate::{Identity, ProvisionRecord, StateRecord};

/// States that are named in a record.
const SLOWEST: usize = 10;
const FAILED: usize = 20;
/// Bytes of what one state said.
const COMMENT_BYTES: usize = 2 * 1024;

/// Provisioning could not be tried at all. That it failed is no error but a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// The program does not start.
    #[error("cannot start {program}; is it in the base image?")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its configuration could not be written.
    #[error("cannot write {path}")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no program to run.
    #[error("the provisioner's command is empty; name a program in the ServiceBuild's provisioner")]
    Empty,
}

/// What a provisioner is told.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// For whom.
    pub identity: &'a Identity,
    /// Where the repositories are.
    pub folders: &'a Folders,
    /// Time of the newer commit, in seconds since 1970.
    pub newest: i64,
}

/// What the output of a provisioner means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Why it failed; none when it did not.
    pub error: Option<String>,
    /// The states, in their order; none where a provisioner has no such thing.
    pub states: Vec<StateRecord>,
    /// Whether something may have changed that no state tells.
    pub changes_untold: bool,
}

/// One kind of config management.
pub trait Provisioner {
    /// What to run. Files that it needs are written into the scratch folder.
    fn invocation(&self, context: &Context<'_>) -> Result<Invocation, ProvisionError>;

    /// What came of it. Not called when it was ended for taking too long.
    fn understand(&self, ended: &Ended) -> Outcome;
}

/// Runs the provisioner of this order, and ends whatever it leaves running.
pub fn provision(how: &Provisioning, context: &Context<'_>) -> Result<ProvisionRecord, ProvisionError> {
    let timeout = Duration::from_secs(u64::from(how.timeout_seconds));
    match &how.with {
        With::Salt(salt) => run(salt, context, timeout),
        With::Command(words) => run(&Command(words.clone()), context, timeout),
    }
}

/// Runs any provisioner for at most this long.
pub fn run(
    provisioner: &dyn Provisioner,
    context: &Context<'_>,
    timeout: Duration,
) -> Result<ProvisionRecord, ProvisionError> {
    let mut invocation = provisioner.invocation(context)?;
    let shared = context.identity.environment().map(|(name, value)| (name.to_owned(), value.to_owned()));
    invocation.environment.extend(shared);
    invocation.environment.extend(reproducible(context.newest));
    let ended = process::run(&invocation, timeout)?;
    let outcome = match late(&ended, timeout) {
        Some(error) => Outcome { error: Some(error), changes_untold: true, ..Outcome::default() },
        None => provisioner.understand(&ended),
    };
    Ok(record(outcome, ended))
}

/// Runs a command that is no provisioner, and ends whatever it leaves running.
pub(crate) fn command(invocation: &Invocation, timeout: Duration) -> Result<Ended, ProvisionError> {
    process::run(invocation, timeout)
}

/// Why a command failed of which only the code counts; none when it did not.
pub(crate) fn failure(program: &str, ended: &Ended, timeout: Duration) -> Option<String> {
    late(ended, timeout).or_else(|| (ended.code != Some(0)).then(|| ended_with(program, ended)))
}

fn late(ended: &Ended, timeout: Duration) -> Option<String> {
    let said = || format!("it did not end within {} s, and was ended", timeout.as_secs());
    ended.timed_out.then(said)
}

/// What makes common programs write the same bytes each time: Python's compiled files, for one, hold a time or not.
pub(crate) fn reproducible(newest: i64) -> [(String, String); 3] {
    [
        ("SOURCE_DATE_EPOCH", newest.to_string()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("DEBIAN_FRONTEND", "noninteractive".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

fn record(outcome: Outcome, ended: Ended) -> ProvisionRecord {
    let states = outcome.states;
    let mut slowest = states.clone();
    slowest.sort_by_key(|state| std::cmp::Reverse(state.milliseconds));
    slowest.truncate(SLOWEST);
    let failed = states.iter().filter(|state| state.result == Some(false)).take(FAILED).cloned();
    ProvisionRecord {
        error: outcome.error,
        milliseconds: ended.milliseconds,
        states: states.len() as u64,
        changed: states.iter().filter(|state| state.changed).count() as u64,
        changes_untold: outcome.changes_untold,
        failed: failed.collect(),
        slowest,
        left_running: ended.left_running,
        log: ended.log,
        log_cut: ended.log_cut,
    }
}

/// The beginning of a text, as long as a record may hold.
fn short(text: &str) -> String {
    let end = text.floor_char_boundary(COMMENT_BYTES);
    let cut = if end < text.len() { " …" } else { "" };
    format!("{}{cut}", text.get(..end).unwrap_or_default().trim_end())
}

/// Why a program failed that says nothing else of it: its code, and its last words.
fn ended_with(program: &str, ended: &Ended) -> String {
    let last = ended.log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it wrote nothing");
    let how = ended.code.map_or_else(|| "was killed".to_owned(), |code| format!("ended with code {code}"));
    short(&format!("{program} {how}: {}", last.trim()))
}

/// A folder of the ops repository that its name cannot lead out of.
fn inside(repository: &Path, folder: &str) -> PathBuf {
    let plain = |part: &std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    repository.join(Path::new(folder).components().filter(plain).collect::<PathBuf>())
}
