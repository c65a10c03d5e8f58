//! The first process of a container: starts this program once more, and buries whatever is left to it.
//!
//! The second one can then wait for its own processes without taking from anybody else what they wait for.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use anyhow::Context as _;
use slipway_agent::signals::Signals;

use crate::command;

/// Runs this program with the same arguments; with it, everything in the container ends.
pub fn run() -> anyhow::Result<ExitCode> {
    let own = std::env::current_exe().context("failed to find out where this program is")?;
    let child = Command::new(own)
        .args(std::env::args_os().skip(1))
        .process_group(0)
        .spawn()
        .context("failed to start this program once more")?;
    let child = command::pid(&child);
    let signals = Signals::forward_to(Some(child)).context("failed to receive signals")?;
    let code = command::wait_for(child).context("failed to wait")?;
    signals.stop_forwarding();
    Ok(u8::try_from(code).unwrap_or(u8::MAX).into())
}
