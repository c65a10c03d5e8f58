//! What the caller may choose about a cluster.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::progress::Progress;

/// How much of Kubernetes is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A node that runs pods, in network, mount and process namespaces of its own.
    #[default]
    Full,
    /// etcd, API server and controller manager only, on loopback: for tests without pods.
    Fast,
}

/// How a cluster is to be started.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much of Kubernetes is started.
    pub mode: Mode,
    /// Where everything of this cluster is kept. `None`: a temporary directory that goes with the cluster. A directory
    /// named here must be empty or absent and is kept for inspection.
    pub data_dir: Option<PathBuf>,
    /// Addresses inside the node that answer on 127.0.0.1 of the host.
    pub publish: Vec<Publish>,
    /// Further names that mean the node, for the node and its pods; `*.slipway.test` always does.
    pub extra_hosts: Vec<String>,
    /// Long-running commands to start inside the namespaces, before Kubernetes.
    pub processes: Vec<Process>,
    /// Whether the API server records who wrote what.
    pub audit: bool,
    /// Whether network policies are carried out; the fast mode has nobody to hold to them.
    pub network_policies: bool,
    /// Where the start is told.
    pub progress: Progress,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Full,
            data_dir: None,
            publish: Vec::new(),
            extra_hosts: Vec::new(),
            processes: Vec::new(),
            audit: true,
            network_policies: false,
            progress: Progress::Lines,
        }
    }
}

/// An address inside the node that answers on 127.0.0.1 of the host.
#[derive(Debug, Clone)]
pub struct Publish {
    /// By which name [`crate::Cluster::published`] finds it.
    pub name: String,
    /// The port on the host; `None` takes a free one.
    pub host_port: Option<u16>,
    /// The address inside: of the node, of a pod or of a Service.
    pub target: SocketAddr,
}

/// A long-running command inside the node's namespaces, watched like the parts of Kubernetes.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its name in progress, errors and log files.
    pub name: String,
    /// The program (absolute, or found on PATH) and its arguments.
    pub command: Vec<String>,
    /// Environment variables beside PATH and HOME.
    pub environment: Vec<(String, String)>,
    /// The TCP address that answers once it is ready; `None` waits for nothing.
    pub ready: Option<SocketAddr>,
}
