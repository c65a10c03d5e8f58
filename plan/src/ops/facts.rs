//! What the default of the ops repository depends on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use slipway_crds::v1alpha1::{FleetStatus, OpsCandidate, ServiceBuildStatus};

use crate::service_name::ServiceName;

/// What is recorded of a Fleet's ops repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpsState {
    /// The commit that images are built with unless another is asked for; none before the first was seen.
    pub accepted: Option<String>,
    /// Why that one.
    pub why: Option<String>,
    /// A newer one that is tried, or that a service failed with.
    pub candidate: Option<OpsCandidate>,
}

impl OpsState {
    /// What the status of a Fleet records.
    pub fn of(status: &FleetStatus) -> Self {
        let FleetStatus { ops_commit, ops_why, ops_candidate, .. } = status.clone();
        Self { accepted: ops_commit, why: ops_why, candidate: ops_candidate }
    }
}

/// What is seen of it now.
#[derive(Clone, Debug, PartialEq)]
pub struct OpsFacts {
    /// The commit of the trunk; none while it cannot be read.
    pub head: Option<String>,
    /// The base image by digest; or why it is not known, in one sentence.
    pub base: Result<String, String>,
    /// The services that are built. They are asked for only while something is tried.
    pub services: BTreeMap<ServiceName, Subject>,
    /// The builds of the fleet.
    pub builds: Vec<Seen>,
}

/// A service with which a commit is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// At the commit of its trunk.
    At(String),
    /// It is not known yet what would be built, in one sentence.
    Unknown(String),
    /// Its trunk cannot be built, whatever the ops repository says; in one sentence.
    Unfit(String),
}

/// A build that there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// When it was made.
    pub made: Timestamp,
    /// How far it is.
    pub status: ServiceBuildStatus,
}

/// A build that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub build: String,
    /// The service.
    pub service: String,
    /// The commit of the service.
    pub commit: String,
    /// The commit of the ops repository.
    pub ops_commit: String,
}
