//! What the operator was told at its start.

use std::path::PathBuf;

use clap::Parser;

/// The Slipway operator.
#[derive(Clone, Debug, Parser)]
#[command(name = "slipway-controller", version)]
pub struct Settings {
    /// Reconcile only objects in this namespace. Unset: all namespaces.
    #[arg(long, env = "SLIPWAY_NAMESPACE")]
    pub namespace: Option<String>,
    /// Folder for mirrors of git repositories; what is in it can be fetched again.
    #[arg(long, env = "SLIPWAY_CACHE", default_value = "/var/cache/slipway")]
    pub cache: PathBuf,
    /// Address on which health, readiness, metrics, plans and results of runs are served.
    #[arg(long, env = "SLIPWAY_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: std::net::SocketAddr,
    /// URL under which the agent in a pod reaches this operator; an address, not a name: the agent needs no DNS.
    /// Unset: the ClusterIP of the Service `--service`.
    #[arg(long, env = "SLIPWAY_URL")]
    pub url: Option<String>,
    /// The operator's own Service, as namespace/name.
    #[arg(long, env = "SLIPWAY_SERVICE", default_value = "slipway-system/slipway-controller")]
    pub service: String,
    /// Image of the agent.
    #[arg(long, env = "SLIPWAY_AGENT_IMAGE", default_value = "slipway-agent")]
    pub agent_image: String,
    /// Registries that are spoken to over plain HTTP, as host:port.
    #[arg(long, env = "SLIPWAY_PLAIN_HTTP_REGISTRIES", value_delimiter = ',')]
    pub plain_http_registries: Vec<String>,
    /// Kubernetes context to act on, for an operator outside the cluster. Unset: only the cluster it runs in.
    #[arg(long, env = "SLIPWAY_CONTEXT")]
    pub context: Option<String>,
    /// Write only with the Lease of the namespace and name of `--service`: of several operators one works, and the
    /// others are ready to take over.
    #[arg(long, env = "SLIPWAY_LEADER_ELECT")]
    pub leader_elect: bool,
    /// Name under which this operator holds the Lease; whoever starts with it again goes on with the Lease at once, so no
    /// two that run may have the same. Unset: one by chance.
    #[arg(long, env = "SLIPWAY_IDENTITY")]
    pub identity: Option<String>,
    /// IP address under which the other operators reach this one, to pass on what was sent to them. Unset: they cannot.
    #[arg(long, env = "SLIPWAY_ADDRESS")]
    pub address: Option<std::net::IpAddr>,
    /// Log format.
    #[arg(long, env = "SLIPWAY_LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}
