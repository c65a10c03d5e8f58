//! A restart of all services below a runsvdir that goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::checks::{Checks, Verdict};
use super::supervise::{LOOK_AGAIN, look};
use super::{ServiceError, Serving, Standing};

/// Restarts every service that is not meant to be down, and waits until all are up. Their names, those of new ones, too.
pub fn restart(serving: &Serving<'_>) -> Result<Vec<String>, ServiceError> {
    let names = serving.names()?;
    let (mut watched, mut restarted) = (Vec::new(), Vec::new());
    for name in &names {
        match serving.standing(name)? {
            Standing::Off => continue,
            Standing::Unwatched => forgotten(&serving.runit.services.join(name)).into_iter().for_each(end),
            _ => watched.push(name.clone()),
        }
        restarted.push(name.clone());
    }
    if !watched.is_empty() {
        serving.stop(&watched)?;
        serving.begin(&watched)?;
    }
    let mut checks = Checks::of(names.iter().cloned(), serving.runit.settle_seconds);
    let until = Instant::now() + serving.checks;
    loop {
        match look(serving, &names, &mut checks, Instant::now() > until)? {
            Verdict::Up => return Ok(restarted),
            Verdict::Down(reasons) => return Err(ServiceError::Down { reasons }),
            Verdict::Wait => thread::sleep(LOOK_AGAIN),
        }
    }
}

/// What watches a service whose `supervise` folder was removed below it, as a state does that cleans up: nobody can speak
/// with it any more. Where runsvdir has not seen a new service yet, there is none.
fn forgotten(service: &Path) -> Vec<Pid> {
    let Ok(service) = service.canonicalize() else { return Vec::new() };
    let Ok(folders) = fs::read_dir("/proc") else { return Vec::new() };
    let watches = |process: &PathBuf| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let is_runsv = program == b"runsv" || program.ends_with(b"/runsv");
        is_runsv && fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == service)
    };
    let processes = folders.filter_map(|entry| Some(entry.ok()?.path())).filter(watches);
    processes.filter_map(|path| Some(Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?))).collect()
}

/// It ends its service, then itself; runsvdir starts it anew.
fn end(watcher: Pid) {
    let _ = kill(watcher, Signal::SIGTERM);
}
