//! What is written after `slipway sync`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{Printed, Within};
use crate::complete;

/// `slipway sync`.
#[derive(Args, Debug)]
pub struct Sync {
    /// The service
    #[arg(add = ArgValueCompleter::new(complete::services_of_the_environment))]
    pub service: String,
    /// The root of a clone of its repository
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub path: PathBuf,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Which role of the service. Unset: the one that answers on the service's ports
    #[arg(long, short)]
    pub role: Option<String>,
    /// Only once, as the folder is now
    #[arg(long)]
    pub once: bool,
    /// Do not run `run.reload` afterwards
    #[arg(long)]
    pub no_reload: bool,
    /// The static `slipway-agent`, copied into a container that has none. Unset: the one beside this program
    #[arg(long, value_name = "FILE", env = "SLIPWAY_AGENT", value_hint = clap::ValueHint::FilePath)]
    pub agent: Option<PathBuf>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}
