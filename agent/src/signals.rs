//! Signals go to what this process runs; those that ask to end are remembered.

use std::io;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

/// Signals that ask to end.
pub const ASK_TO_END: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];
/// All that are received.
const FORWARDED: [Signal; 6] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// Blocks the signals that are received. To be called before any other thread starts: blocked here, they are blocked
/// there; blocked, they also reach the first process of a container, and wait until somebody takes them from the set.
pub fn block() -> io::Result<SigSet> {
    let set: SigSet = FORWARDED.into_iter().collect();
    set.thread_block()?;
    Ok(set)
}

/// Starts a process that does not inherit that signals are blocked.
pub fn start_unblocked(command: &mut Command) -> io::Result<Child> {
    let set: SigSet = FORWARDED.into_iter().collect();
    thread::scope(|scope| {
        let started = scope.spawn(|| {
            set.thread_unblock()?;
            command.spawn()
        });
        started.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts it failed")))
    })
}

/// The signals this process gets from now on.
#[derive(Debug)]
pub struct Signals {
    /// Those that ask to end.
    pub asked_to_end: Receiver<Signal>,
    over: Arc<AtomicBool>,
}

impl Signals {
    /// Sends all signals on to this process group. As for [`block`], no other thread may have started.
    pub fn forward_to(group: Option<Pid>) -> io::Result<Self> {
        let set = block()?;
        let (sender, asked_to_end) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(group.is_none()));
        let seen_over = Arc::clone(&over);
        thread::spawn(move || forward(set, group, &seen_over, &sender));
        Ok(Self { asked_to_end, over })
    }

    /// The command is over: its process group may soon be somebody else's.
    pub fn stop_forwarding(&self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn forward(set: SigSet, group: Option<Pid>, over: &AtomicBool, asked_to_end: &Sender<Signal>) {
    while let Ok(signal) = set.wait() {
        // Remembered first: the command may end at once.
        if ASK_TO_END.contains(&signal) && asked_to_end.send(signal).is_err() {
            return;
        }
        if let Some(group) = group.filter(|_| !over.load(Ordering::SeqCst)) {
            // It may have ended by itself just now.
            let _ = killpg(group, signal);
        }
    }
}
