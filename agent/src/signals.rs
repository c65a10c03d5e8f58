//! Signals go to the command; those that ask to end are remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

const ASK_TO_END: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];
const FORWARDED: [Signal; 6] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// The signals this process gets from now on.
#[derive(Debug)]
pub struct Signals {
    /// Those that ask to end.
    pub asked_to_end: Receiver<Signal>,
    over: Arc<AtomicBool>,
}

impl Signals {
    /// Sends all signals on to this process group. To be called before any other thread starts: blocked here, they are
    /// blocked there; blocked, they also reach the first process of a container.
    pub fn forward_to(group: Option<Pid>) -> anyhow::Result<Self> {
        let set: SigSet = FORWARDED.into_iter().collect();
        set.thread_block().context("failed to block signals")?;
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
