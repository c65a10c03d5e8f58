//! `slipway completion`: what makes a shell complete words.

use std::path::Path;

use anyhow::Context as _;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::args::{Completion, Shell};
use crate::complete::VARIABLE;
use crate::exit::Exit;
use crate::output::Output;

/// Prints it.
pub fn run(arguments: &Completion, output: &mut Output) -> anyhow::Result<Exit> {
    let called = std::env::args().next().unwrap_or_default();
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or("slipway");
    let mut script = Vec::new();
    shell(arguments.shell)
        .write_registration(VARIABLE, name, name, name, &mut script)
        .context("failed to write the completion")?;
    output.stdout.write_all(&script)?;
    Ok(Exit::Done)
}

fn shell(shell: Shell) -> &'static dyn EnvCompleter {
    match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    }
}
