//! What is written after `slipway sync`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{Printed, Within};
use crate::complete;
use crate::exit::Usage;

/// `slipway sync`.
#[derive(Args, Debug)]
#[command(
    override_usage = "slipway sync [OPTIONS] SERVICE [PATH]\n       slipway sync [OPTIONS] [SERVICE]... --ops [PATH]"
)]
pub struct Sync {
    /// The service, and the root of a clone of its repository (unset: this folder); with --ops only services (unset: all
    /// that the environment builds)
    #[arg(
        value_name = "SERVICE|PATH",
        required_unless_present = "ops",
        add = ArgValueCompleter::new(complete::services_or_folders)
    )]
    pub words: Vec<String>,
    /// Mirror this working tree of the ops repository instead, and provision again; without a path: this folder
    #[arg(
        long,
        value_name = "PATH",
        num_args = 0..=1,
        default_missing_value = ".",
        conflicts_with = "no_reload",
        value_hint = clap::ValueHint::DirPath
    )]
    pub ops: Option<PathBuf>,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Which role of the service. Unset: the one that answers on the service's ports; with --ops every one
    #[arg(long, short)]
    pub role: Option<String>,
    /// Only once, as the folder is now
    #[arg(long)]
    pub once: bool,
    /// Do not run `run.reload` afterwards
    #[arg(long)]
    pub no_reload: bool,
    /// The static `slipway-agent`, copied into a container that has none. Unset: the one beside this program. Not with --ops
    #[arg(long, value_name = "FILE", env = "SLIPWAY_AGENT", value_hint = clap::ValueHint::FilePath)]
    pub agent: Option<PathBuf>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

impl Sync {
    /// The words where a service's code is mirrored.
    pub fn service_and_path(&self) -> Result<(String, PathBuf), Usage> {
        match self.words.as_slice() {
            [service] => Ok((service.clone(), ".".into())),
            [service, path] => Ok((service.clone(), path.into())),
            _ => Err(Usage(
                "one service and one folder can be mirrored at a time\n  several services are for --ops"
                    .to_owned(),
            )),
        }
    }
}
