//! The services of a fat container: runit runs them, this starts it, looks whether they come up, and stops it.

pub mod checks;
mod restart;
mod runit;
mod status;
mod supervise;

pub use restart::restart;
pub use status::Standing;
pub use supervise::{Serving, run};

use std::path::PathBuf;

/// The services could not be run, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is nothing to run.
    #[error("there is no service in {folder}; let a state put one there: a folder with a program `run`")]
    None {
        /// The folder of services.
        folder: PathBuf,
    },
    /// The folder cannot be read.
    #[error("cannot list the services in {folder}")]
    List {
        /// The folder of services.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program of runit does not start.
    #[error("cannot start {program}; install the package runit by a state or in the base image")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not every service came up.
    #[error("{}", .reasons.join("; "))]
    Down {
        /// Each that did not, and why.
        reasons: Vec<String>,
    },
    /// runit ended without being asked.
    #[error("runsvdir ended by itself: {how}")]
    Ended {
        /// Its code or signal.
        how: String,
    },
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signals {
        /// What the system said.
        source: std::io::Error,
    },
}
