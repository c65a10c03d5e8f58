//! A process with a time limit, and everything that it starts.

use std::io::{self, PipeReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::ProvisionError;
use crate::descendants;
use crate::log::Log;

/// Bytes of an output that is kept whole.
const KEPT_BYTES: u64 = 64 << 20;
/// Between asking a process to end and ending it.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Where it starts.
    pub folder: PathBuf,
    /// Variables beside those of this container.
    pub environment: Vec<(String, String)>,
    /// Whether standard output is kept whole, to be understood, and not passed on.
    pub keeps_output: bool,
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its code; none when a signal ended it.
    pub code: Option<i32>,
    /// Whether it was ended because it took too long.
    pub timed_out: bool,
    /// Standard output, where it was to be kept; cut after 64 MiB.
    pub output: Vec<u8>,
    /// The end of what it wrote else.
    pub log: String,
    /// Bytes of the log before that.
    pub log_cut: u64,
    /// How long it ran.
    pub milliseconds: u64,
    /// Processes that it left running.
    pub left_running: u64,
}

/// Runs it to its end, or until the time is up. Whatever it started ends with it.
pub(super) fn run(invocation: &Invocation, timeout: Duration) -> Result<Ended, ProvisionError> {
    let program = invocation.words.first().cloned().unwrap_or_default();
    let failed = |source| ProvisionError::Start { program: program.clone(), source };
    descendants::adopt(true).map_err(&failed)?;
    let begun = Instant::now();
    let (mut child, reader) = start(invocation).map_err(&failed)?;
    let group = Pid::from_raw(child.id().cast_signed());
    let log = Log::default();
    let (output, written) = listen(&mut child, reader, &log);
    let ended = wait(child);
    let (status, timed_out) = until(&ended, group, timeout);
    let _ = killpg(group, Signal::SIGKILL);
    let left_running = descendants::end_all();
    descendants::adopt(false).map_err(failed)?;
    let output = output.join().unwrap_or_default();
    let _ = written.join();
    let (text, log_cut) = log.end();
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let code = status.and_then(|status| status.code().or(status.signal().map(|signal| 128 + signal)));
    Ok(Ended { code, timed_out, output, log: text, log_cut, milliseconds, left_running })
}

/// Starts it. Both outputs are one stream, in the order in which they are written, unless one of them is kept.
fn start(invocation: &Invocation) -> io::Result<(Child, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    let mut words = invocation.words.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words).current_dir(&invocation.folder).process_group(0);
    command.envs(invocation.environment.iter().map(|(name, value)| (name, value)));
    let stdout = if invocation.keeps_output { Stdio::piped() } else { writer.try_clone()?.into() };
    let child = command.stdin(Stdio::null()).stdout(stdout).stderr(writer).spawn()?;
    Ok((child, reader))
}

/// Everything is read to its end, however much it is: a full pipe would stop the process.
fn listen(child: &mut Child, reader: PipeReader, log: &Log) -> (JoinHandle<Vec<u8>>, JoinHandle<()>) {
    let (stdout, log) = (child.stdout.take(), log.clone());
    let output = thread::spawn(move || stdout.map(kept).unwrap_or_default());
    (output, thread::spawn(move || log.pass_on(reader, io::stderr())))
}

fn kept(mut from: impl Read) -> Vec<u8> {
    let mut output = Vec::new();
    let _ = from.by_ref().take(KEPT_BYTES).read_to_end(&mut output);
    let _ = io::copy(&mut from, &mut io::sink());
    output
}

fn wait(mut child: Child) -> Receiver<Option<ExitStatus>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait().ok()));
    receiver
}

/// How it ended, and whether it had to be ended.
fn until(ended: &Receiver<Option<ExitStatus>>, group: Pid, timeout: Duration) -> (Option<ExitStatus>, bool) {
    match ended.recv_timeout(timeout) {
        Ok(status) => (status, false),
        Err(RecvTimeoutError::Disconnected) => (None, false),
        Err(RecvTimeoutError::Timeout) => {
            let _ = killpg(group, Signal::SIGTERM);
            let status = ended.recv_timeout(LAST_WORDS).or_else(|_| {
                let _ = killpg(group, Signal::SIGKILL);
                ended.recv()
            });
            (status.ok().flatten(), true)
        }
    }
}
