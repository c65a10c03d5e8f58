//! What is written after `slipway why`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{Printed, Within};
use crate::complete;

/// `slipway why`.
#[derive(Args, Debug)]
pub struct Why {
    /// The service
    #[arg(add = ArgValueCompleter::new(complete::services_of_the_environment))]
    pub service: String,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Go on showing it as it changes, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}
