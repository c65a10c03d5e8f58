//! What can go wrong while a cluster is built, started or stopped.

use std::path::PathBuf;

/// A failure of the local cluster, with what was attempted and on what.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks something; each line names it and its cure.
    #[error("this machine cannot run the cluster yet:\n{cures}")]
    Machine {
        /// One line per missing thing.
        cures: String,
    },
    /// A file or directory could not be read or written.
    #[error("could not {attempt} {}", path.display())]
    File {
        /// What was attempted, for example "create".
        attempt: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A command could not be started.
    #[error("could not run {command}; is it installed?")]
    Start {
        /// The program's name.
        command: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A command ended with a failure.
    #[error("{command} failed:\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// The end of what it printed.
        output: String,
    },
    /// The kernel refused a step of making the node's namespaces.
    #[error("the kernel refused to {attempt}; this needs root and an unrestricted kernel")]
    Kernel {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: nix::Error,
    },
    /// A part of the node ended or did not become healthy in time.
    #[error("{name} {reason}; its last lines:\n{log}")]
    Part {
        /// Which part, for example "kube-apiserver".
        name: String,
        /// What happened.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// The API server refused a request of ours.
    #[error("could not {attempt}")]
    Api {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// A certificate could not be made.
    #[error("could not make the certificate of {name}")]
    Certificate {
        /// Whose certificate.
        name: String,
        /// Why it failed.
        source: rcgen::Error,
    },
    /// A loopback port of the host could not be opened.
    #[error("could not listen on {address} for {name}; is the port taken?")]
    Listen {
        /// The published name.
        name: String,
        /// The address on the host.
        address: std::net::SocketAddr,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Something the options ask for is not possible.
    #[error("{reason}")]
    Options {
        /// What does not fit, and what to do.
        reason: String,
    },
    /// A thread of the cluster ended early: a defect of this crate.
    #[error("a thread of the cluster ended early while it was to {attempt}; please report it")]
    Thread {
        /// What it was asked.
        attempt: &'static str,
    },
    /// Something was left behind on the machine.
    #[error("the cluster ended but left something behind: {left}")]
    Left {
        /// What the janitor said.
        left: String,
    },
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn file(
        attempt: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { attempt, path, source }
    }

    pub(crate) fn api(attempt: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Api { attempt, source: Box::new(source) }
    }

    pub(crate) fn kernel(attempt: impl Into<String>) -> impl FnOnce(nix::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Kernel { attempt, source }
    }
}
