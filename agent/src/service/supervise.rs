//! From the start of runit to its end.

use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use super::ServiceError;
use super::checks::{Checks, Verdict};
use crate::order::Runit;
use crate::signals::{self, ASK_TO_END};
use crate::{Identity, descendants};

pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long runsvdir may take to end once its services have.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What is run, and how patiently.
#[derive(Clone, Copy, Debug)]
pub struct Serving<'a> {
    /// For the environment of the services.
    pub identity: &'a Identity,
    /// Where the services and the programs are.
    pub runit: &'a Runit,
    /// How long services may take until their checks pass.
    pub checks: Duration,
    /// How long they may take to end.
    pub grace: Duration,
}

enum Event {
    Signal(Signal),
    Ended(String),
}

/// Runs all services until a signal asks to end. `up` is called once, when all checks have passed. SIGHUP, SIGUSR1 and
/// SIGUSR2 are passed on to the services. To be called from the only thread.
pub fn run(serving: &Serving<'_>, up: impl FnOnce()) -> Result<(), ServiceError> {
    let names = serving.names()?;
    let set = signals::block().map_err(|source| ServiceError::Signals { source })?;
    let child = serving.start()?;
    let runsvdir = Pid::from_raw(child.id().cast_signed());
    let events = listen(set, child);
    let result = supervise(serving, &names, &events, up);
    if !matches!(result, Err(ServiceError::Ended { .. })) {
        stop(serving, &names, runsvdir, &events);
    }
    descendants::end_all();
    result
}

fn listen(set: SigSet, mut child: Child) -> Receiver<Event> {
    let (sender, events) = mpsc::channel();
    let signals: Sender<Event> = sender.clone();
    thread::spawn(move || {
        while let Ok(signal) = set.wait() {
            if signals.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        let how = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        sender.send(Event::Ended(how))
    });
    events
}

fn supervise(
    serving: &Serving<'_>,
    names: &[String],
    events: &Receiver<Event>,
    up: impl FnOnce(),
) -> Result<(), ServiceError> {
    let mut checks = Checks::of(names.iter().cloned(), serving.runit.settle_seconds);
    let until = Instant::now() + serving.checks;
    let mut up = Some(up);
    loop {
        // Once all are up, nothing has to be looked at: runit starts again what ends.
        let event = if up.is_some() { events.recv_timeout(LOOK_AGAIN) } else { last(events) };
        match event {
            Ok(Event::Signal(signal)) if ASK_TO_END.contains(&signal) && signal != Signal::SIGHUP => {
                return Ok(());
            }
            Ok(Event::Signal(signal)) => serving.pass_on(names, signal)?,
            Ok(Event::Ended(how)) => return Err(ServiceError::Ended { how }),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(ServiceError::Ended { how: "unseen".to_owned() });
            }
            Err(RecvTimeoutError::Timeout) => {
                match look(serving, names, &mut checks, Instant::now() > until)? {
                    Verdict::Wait => {}
                    Verdict::Up => up.take().into_iter().for_each(|up| up()),
                    Verdict::Down(reasons) => return Err(ServiceError::Down { reasons }),
                }
            }
        }
    }
}

fn last(events: &Receiver<Event>) -> Result<Event, RecvTimeoutError> {
    events.recv().map_err(|_| RecvTimeoutError::Disconnected)
}

pub(super) fn look(
    serving: &Serving<'_>,
    names: &[String],
    checks: &mut Checks,
    is_over: bool,
) -> Result<Verdict, ServiceError> {
    for name in names {
        if checks.see(name, serving.standing(name)?) {
            checks.checked(name, serving.check(name)?);
        }
    }
    Ok(checks.verdict(is_over))
}

/// Services first, each by its own `finish`; then runsvdir, which on SIGHUP ends what watches them.
fn stop(serving: &Serving<'_>, names: &[String], runsvdir: Pid, events: &Receiver<Event>) {
    if let Err(error) = serving.stop(names) {
        eprintln!("slipway-agent: {error}");
    }
    let _ = kill(runsvdir, Signal::SIGHUP);
    let until = Instant::now() + LAST_WORDS;
    while let Ok(event) = events.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if matches!(event, Event::Ended(_)) {
            return;
        }
    }
}
