//! The command: started, listened to, waited for.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use slipway_agent::log::Log;
use slipway_agent::signals::Signals;

/// How long the output of what the command left running is waited for.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its code, 128 and the signal's number when a signal ended it; none when it could not start.
    pub code: Option<i32>,
    /// Why it could not start.
    pub error: Option<String>,
    /// The signal that told it to stop before it ended.
    pub told_to_stop: Option<Signal>,
    /// What it wrote.
    pub log: Log,
    /// The signals of this process.
    pub signals: Signals,
}

/// Runs the command in a process group of its own until its first process ends. As the first process of a container
/// this one also inherits and buries what others left.
pub fn run(words: &[String]) -> anyhow::Result<Ended> {
    let (program, arguments) = words.split_first().context("there is no command")?;
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let log = Log::default();
    // Not before the command has started: it would inherit that they are blocked.
    let signals = Signals::forward_to(started.as_ref().ok().map(pid)).context("failed to receive signals")?;
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            let error = Some(format!("the command could not start: {program}: {error}"));
            return Ok(Ended { code: None, error, told_to_stop: None, log, signals });
        }
    };
    let silent = listen(&mut child, &log);
    let code = wait_for(pid(&child)).context("failed to wait for the command")?;
    signals.stop_forwarding();
    let told_to_stop = signals.asked_to_end.try_recv().ok();
    // Processes that the command left behind may hold its outputs open for as long as the container lives.
    let _ = silent.recv_timeout(LAST_OUTPUT);
    Ok(Ended { code: Some(code), error: None, told_to_stop, log, signals })
}

/// The process of a child.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Passes on both outputs; the channel closes when both are at their end.
fn listen(child: &mut Child, log: &Log) -> Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    let pass = |from: Box<dyn Read + Send>, to: Box<dyn Write + Send>| {
        let (log, sender) = (log.clone(), sender.clone());
        thread::spawn(move || {
            log.pass_on(from, to);
            drop(sender);
        });
    };
    if let Some(output) = child.stdout.take() {
        pass(Box::new(output), Box::new(io::stdout()));
    }
    if let Some(output) = child.stderr.take() {
        pass(Box::new(output), Box::new(io::stderr()));
    }
    receiver
}

/// Buries every child; the code is that of this one.
pub fn wait_for(child: Pid) -> nix::Result<i32> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => return Ok(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => return Ok(128 + signal as i32),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}
