//! The programs of runit: `runsvdir` and `sv`.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::checks::Checked;
use super::status::{self, Standing};
use super::{ServiceError, Serving};
use crate::signals::start_unblocked;

/// How long a check, or an answer of `sv`, may take. While one is waited for, nothing else is done.
const ONE_ANSWER: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const REASON_BYTES: u64 = 4096;

impl Serving<'_> {
    /// The services, by name. Like runsvdir, it passes over what begins with a dot.
    pub(super) fn names(&self) -> Result<Vec<String>, ServiceError> {
        let folder = &self.runit.services;
        let failed = |source| ServiceError::List { folder: folder.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && entry.path().is_dir() {
                names.push(name);
            }
        }
        names.sort();
        if names.is_empty() { Err(ServiceError::None { folder: folder.clone() }) } else { Ok(names) }
    }

    /// Starts runsvdir, in a process group of its own: a signal to ours is not one to it.
    pub(super) fn start(&self) -> Result<Child, ServiceError> {
        let program = &self.runit.runsvdir;
        let mut command = Command::new(program);
        command.arg("-P").arg(&self.runit.services).process_group(0).stdin(Stdio::null());
        command.envs(self.identity.environment());
        let failed = |source| ServiceError::Start { program: program.clone(), source };
        start_unblocked(&mut command).map_err(failed)
    }

    /// How a service stands.
    pub(super) fn standing(&self, name: &str) -> Result<Standing, ServiceError> {
        let (_, output) = self.ask(&["status"], &[name], ONE_ANSWER)?;
        Ok(status::parse(output.lines().next().unwrap_or_default()))
    }

    /// Runs the service's own check, `check` in its folder, if it has one.
    pub(super) fn check(&self, name: &str) -> Result<Checked, ServiceError> {
        let (code, output) = self.ask(&["-w", "1", "check"], &[name], ONE_ANSWER)?;
        if code == Some(0) {
            return Ok(Checked::Passed);
        }
        let said =
            output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it ended with an error");
        let late = format!("it took longer than {} s", ONE_ANSWER.as_secs());
        Ok(Checked::Failed(if code.is_none() { late } else { said.trim().to_owned() }))
    }

    /// Tells every service to end, and ends those that do not in time.
    pub(super) fn stop(&self, names: &[String]) -> Result<(), ServiceError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let seconds = self.grace.as_secs().to_string();
        self.ask(&["-w", &seconds, "force-stop"], &names, self.grace + ONE_ANSWER).map(drop)
    }

    /// Tells services to run.
    pub(super) fn begin(&self, names: &[String]) -> Result<(), ServiceError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.ask(&["up"], &names, ONE_ANSWER).map(drop)
    }

    /// Passes a signal on to every service; others than these three are not passed on.
    pub(super) fn pass_on(&self, names: &[String], signal: Signal) -> Result<(), ServiceError> {
        let verb = match signal {
            Signal::SIGHUP => "hup",
            Signal::SIGUSR1 => "1",
            Signal::SIGUSR2 => "2",
            _ => return Ok(()),
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.ask(&[verb], &names, ONE_ANSWER).map(drop)
    }

    /// The code and what was written; no code when it took too long, and was ended.
    fn ask(
        &self,
        words: &[&str],
        names: &[&str],
        limit: Duration,
    ) -> Result<(Option<i32>, String), ServiceError> {
        let program = &self.runit.sv;
        let folders: Vec<PathBuf> = names.iter().map(|name| self.runit.services.join(name)).collect();
        let mut command = Command::new(program);
        command.args(words).args(folders).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let asked = start_unblocked(&mut command).and_then(|child| answer(child, limit));
        asked.map_err(|source| ServiceError::Start { program: program.clone(), source })
    }
}

fn answer(mut child: Child, limit: Duration) -> io::Result<(Option<i32>, String)> {
    let (mut output, errors) = (child.stdout.take(), child.stderr.take());
    let until = Instant::now() + limit;
    let code = loop {
        match child.try_wait()? {
            Some(status) => break Some(status.code().unwrap_or(-1)),
            None if Instant::now() > until => break None,
            None => thread::sleep(LOOK_AGAIN),
        }
    };
    // A check may have left something behind that holds the outputs open.
    let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
    child.wait()?;
    let mut text = Vec::new();
    if let Some(output) = output.as_mut() {
        output.take(REASON_BYTES).read_to_end(&mut text)?;
    }
    if let Some(errors) = errors {
        errors.take(REASON_BYTES).read_to_end(&mut text)?;
    }
    Ok((code, String::from_utf8_lossy(&text).into_owned()))
}
