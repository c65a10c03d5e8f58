//! The one process of Slipway inside a container. It is one static file and runs in any image.
//!
//! ```text
//! slipway-agent install /slipway/agent                                    copies itself
//! slipway-agent run --url U --token-file T [--glob G] -- command …        runs it, delivers how it ended
//! slipway-agent build ORDER                                               provisions, writes the layer of what changed
//! slipway-agent keep ORDER                                                copies the assets of an older image to a volume
//! slipway-agent push ORDER                                                waits for that layer, pushes the image
//! slipway-agent init ORDER                                                the first process of a fat container
//! slipway-agent started RECORD                                            whether that is up
//! slipway-agent sync ORDER                                                the container's end of `slipway sync`
//! slipway-agent sync-ops PID                                              that of `slipway sync --ops`, in a fat container
//! ```

mod alone;
mod arguments;
mod build;
mod command;
mod delivery;
mod first;
mod init;
mod install;
mod junit;
mod outcome;
mod push;
mod run;
mod sync;

use std::process::ExitCode;

use arguments::Task;
use slipway_agent::{assets, started};

/// Wrong arguments, as in sysexits.h.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let done = match arguments::parse(std::env::args().skip(1)) {
        Ok(Task::Install(path)) => install::install(&path).map(|()| ExitCode::SUCCESS),
        Ok(Task::Run(order)) => run::run(&order),
        Ok(Task::Build(_) | Task::Push(_) | Task::Init(_)) if std::process::id() == 1 => first::run(),
        Ok(Task::Build(order)) => build::build(&order),
        Ok(Task::Keep(order)) => {
            assets::keep(&order.folders, &order.to);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Task::Push(order)) => push::push(&order),
        Ok(Task::Started(record)) if started::is_up(&record) => Ok(ExitCode::SUCCESS),
        Ok(Task::Started(_)) => Ok(ExitCode::FAILURE),
        Ok(Task::Init(order)) => Ok(init::init(&order)),
        Ok(Task::Sync(order)) => sync::sync(&order).map(|()| ExitCode::SUCCESS),
        Ok(Task::SyncOps(process)) => sync::sync_ops(process).map(|()| ExitCode::SUCCESS),
        Err(wrong) => {
            eprintln!("slipway-agent: {wrong}");
            return ExitCode::from(USAGE);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("slipway-agent: {error:#}");
        ExitCode::FAILURE
    })
}
