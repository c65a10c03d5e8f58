//! `slipway man`: the manual pages, one for each verb.

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::args::{Arguments, Man};
use crate::exit::{Exit, Usage};
use crate::output::Output;

/// Writes them.
pub fn run(arguments: &Man, output: &mut Output) -> anyhow::Result<Exit> {
    let folder = arguments.folder.display();
    std::fs::create_dir_all(&arguments.folder)
        .map_err(|error| Usage(format!("folder {folder} cannot be made: {error}; name another")))?;
    let command = Arguments::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, &arguments.folder).with_context(|| {
        format!("failed to write manual pages into {folder}: name a folder you may write to")
    })?;
    output.say(&format!("manual pages are in {folder}; read one: man {folder}/slipway.1"));
    Ok(Exit::Done)
}
