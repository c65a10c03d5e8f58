//! A one-node Kubernetes for Slipway's demo and tests, on a plain Debian machine.
//!
//! The whole node lives in namespaces of its own: however its owner ends, nothing of it is left, and two run side by side.
//! The host sees ports on 127.0.0.1 only. Inside, the node is 10.87.0.1, Services are 10.96.0.0/16, pods 10.88.0.0/16, and
//! every name below `slipway.test` is the node: for the node itself, for its pods, and for the processes started inside.
//!
//! ```no_run
//! # async fn example() -> Result<(), slipway_cluster::Error> {
//! use slipway_cluster::{Cluster, Options};
//!
//! let cluster = Cluster::start(Options::default()).await?;
//! println!("export KUBECONFIG={}", cluster.kubeconfig_path().display());
//! cluster.stop().await
//! # }
//! ```

mod cache;
mod certificates;
mod cgroup;
mod cluster;
mod command;
mod error;
mod forward;
mod health;
pub mod image;
mod inside;
mod janitor;
mod kubeconfig;
mod mounts;
mod namespaces;
mod network;
mod node;
mod options;
mod part;
pub mod precheck;
mod progress;
mod settings;
mod volumes;

pub use cache::Cache;
pub use cluster::Cluster;
pub use error::{Error, Result};
pub use network::DOMAIN;
pub use node::registry::NAME as REGISTRY;
pub use options::{Mode, Options, Process, Publish};
pub use part::Ended;
pub use progress::Progress;
pub use volumes::CLASS as STORAGE_CLASS;
