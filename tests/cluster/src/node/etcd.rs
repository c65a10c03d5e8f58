//! etcd, behind a Unix socket: nobody else on the machine reaches it.

use std::path::PathBuf;

use crate::cache::Program;
use crate::part::Part;
use crate::settings::Settings;

/// The socket that etcd answers on.
pub(super) fn socket(settings: &Settings) -> PathBuf {
    settings.path("etcd.sock")
}

/// The socket as etcd and the API server want it.
pub(super) fn url(settings: &Settings) -> String {
    format!("unix://{}", socket(settings).display())
}

const NOBODY: &str = "http://localhost:2380";

pub(super) fn part(settings: &Settings) -> Part {
    let url = url(settings);
    let peers = format!("unix://{}", settings.path("etcd-peers.sock").display());
    Part::new("etcd", settings.cache.program(Program::Etcd)).arguments([
        "--name=node".to_owned(),
        format!("--data-dir={}", settings.path("etcd").display()),
        format!("--listen-client-urls={url}"),
        format!("--listen-peer-urls={peers}"),
        // What it advertises may not be a socket, and nobody asks for it.
        format!("--advertise-client-urls={NOBODY}"),
        format!("--initial-advertise-peer-urls={NOBODY}"),
        format!("--initial-cluster=node={NOBODY}"),
        // The data goes with the cluster: waiting for the disk would protect nothing.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ])
}
