//! What is written after `slipway start`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{Printed, Wanted, duration_text};
use crate::complete;

/// `slipway start`.
#[derive(Args, Debug)]
pub struct Start {
    /// The services; what they depend on follows
    #[arg(value_name = "SERVICE", add = ArgValueCompleter::new(complete::services))]
    pub services: Vec<String>,
    /// Name of the environment. Unset: dev-<your user name>
    #[arg(long, short, value_name = "NAME", add = ArgValueCompleter::new(complete::environments))]
    pub env: Option<String>,
    /// What it should be.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Do not wait until everything is ready
    #[arg(long, short)]
    pub detach: bool,
    /// Then mirror this working tree into its service until Ctrl-C, as `sync` does; without a path: this folder
    #[arg(
        long,
        value_name = "PATH",
        num_args = 0..=1,
        default_missing_value = ".",
        conflicts_with = "detach",
        value_hint = clap::ValueHint::DirPath
    )]
    pub live: Option<PathBuf>,
    /// Then mirror this working tree of the ops repository into the services, those that are built when none is named, and
    /// provision them again until Ctrl-C; without a path: this folder
    #[arg(
        long,
        value_name = "PATH",
        num_args = 0..=1,
        default_missing_value = ".",
        conflicts_with_all = ["detach", "live"],
        value_hint = clap::ValueHint::DirPath
    )]
    pub live_ops: Option<PathBuf>,
    /// Give up waiting after that long, with exit code 1; it goes on starting
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub timeout: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}
