//! What is written after `slipway diff`.

use std::path::PathBuf;

use clap::Args;

use super::Printed;

/// `slipway diff`.
#[derive(Args, Debug)]
pub struct Diff {
    /// A clone of the `GitSync`'s repository, or the folder of it that is applied
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub path: PathBuf,
    /// The `GitSync`. Unset: the only one of the namespace
    #[arg(long, value_name = "NAME")]
    pub gitsync: Option<String>,
    /// A branch, tag or commit of the repository, read by the operator, instead of a folder
    #[arg(long, value_name = "REF", conflicts_with = "path")]
    pub commit: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}
