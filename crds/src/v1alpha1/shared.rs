//! Parts that several kinds are written with.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Credentials for a git server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credentials {
    /// Name of a Secret in this namespace: over http and https with the keys `username` and `password`, or `token`; over
    /// ssh with `identity` (a private key) and `known_hosts`. Example: `git-readonly`.
    pub secret: String,
}

/// Messages of the git server that something was pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhook {
    /// Name of a Secret in this namespace with the key `token`, which signs the messages. Example: `git-webhook`.
    #[schemars(length(min = 1, max = 253))]
    pub secret: String,
}

/// A pause that a person asked for. Nothing is applied or pruned while it lasts; what runs goes on running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suspension {
    /// Why, for whoever finds it. Example: `incident 42, do not touch`.
    pub reason: String,
    /// Who asked for it. Example: `emma`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it ends by itself, RFC 3339. Unset: when the field is removed. Example: `2026-12-01T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// One thing that something waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedBy {
    /// What waits. Example: `service www`.
    pub what: String,
    /// One word. Example: `ImageNotFound`.
    pub reason: String,
    /// For people: what is missing and what to do. Example: `registry/www:3f2c… does not exist yet`.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is expected to end or is given up, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who can override it, where somebody can. Example: `whoever may push to the registry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_by: Option<String>,
}
