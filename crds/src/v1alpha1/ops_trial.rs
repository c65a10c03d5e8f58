//! A commit of the ops repository that is not the default yet: it is tried with every service first.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The newest commit of the ops repository's trunk, while it is tried or when a service failed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpsCandidate {
    /// The commit.
    pub commit: String,
    /// When it was seen first.
    pub since: Timestamp,
    /// How far each service is that is built.
    #[serde(default)]
    pub trials: Vec<OpsTrial>,
}

/// One service, built with a commit of the ops repository that is not the default yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpsTrial {
    /// The service.
    pub service: String,
    /// Its commit, that of its trunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The `ServiceBuild`; its result has the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// How far it is.
    pub phase: TrialPhase,
    /// In one sentence; of one that failed, the state and what it said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// How far a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrialPhase {
    /// Its build is not there yet.
    Waiting,
    /// Its build goes on.
    Building,
    /// The service was built.
    Passed,
    /// The service cannot be built with this commit.
    Failed,
    /// It could not be found out; it is tried again.
    Error,
    /// The service says nothing of this commit: it cannot be built anyway.
    LeftOut,
}
