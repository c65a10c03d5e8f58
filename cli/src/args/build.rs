//! What is written after `slipway build`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{Printed, duration_text};
use crate::complete;

/// `slipway build`.
#[derive(Args, Debug)]
pub struct Build {
    /// The service, whose manifest names no `image`; or `new_service_` and the name of one that is to be made
    #[arg(add = ArgValueCompleter::new(complete::services))]
    pub service: String,
    /// Branch, tag or commit of its repository, held as first found. Unset: its trunk
    #[arg(long, short, value_name = "REF")]
    pub commit: Option<String>,
    /// Branch, tag or commit of the ops repository, held as first found. Unset: the Fleet's default
    #[arg(long, value_name = "REF")]
    pub ops_commit: Option<String>,
    /// Wait until it is over, and show each step meanwhile
    #[arg(long, short)]
    pub watch: bool,
    /// Cancel older builds of the service that are not over
    #[arg(long)]
    pub supersede: bool,
    /// Give up waiting after that long, with exit code 2; the build goes on
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub timeout: Option<String>,
    /// Of a new service: the folder in which its folders are made. Unset: the one you are in
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Of a new service: where its repository is, or will be
    #[arg(long, value_name = "URL")]
    pub repository: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

impl Build {
    /// Where the folders of a new service are made.
    pub fn dir_or_here(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from("."))
    }
}
