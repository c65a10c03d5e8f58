//! `DevEnvironment`: a private copy of some services, with its own state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BlockedBy, IntegrationSpec, IntegrationStatus};

/// Which services, at which commits, for how long.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "DevEnvironment",
    namespaced,
    status = "DevEnvironmentStatus",
    derive = "PartialEq",
    category = "slipway",
    shortname = "denv",
    doc = "DevEnvironment is a private copy of some services at chosen commits, with its own state.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Ended", type_ = "string", json_path = ".status.ended.reason"),
    printcolumn(name = "Services", type_ = "string", json_path = ".status.services"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[0].message"),
    printcolumn(name = "Namespace", type_ = "string", json_path = ".status.namespace.name", priority = "1"),
    printcolumn(
        name = "Result",
        type_ = "string",
        json_path = ".status.integration.outcome",
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = (
    "has(self.profile) || (has(self.services) && self.services.size() > 0) || has(self.integration)",
    "name a profile, services, or an integration run"
))]
#[x_kube(validation = (
    "!has(self.integration) || (!has(self.profile) && (!has(self.services) || self.services.size() == 0))",
    "an integration run starts exactly its declared dependencies: profile and services must be unset"
))]
pub struct DevEnvironmentSpec {
    /// A named set of services of the Fleet. Example: `rider`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// More services; what they depend on follows. Example: `[api, dispatch]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Branch, tag or commit of some services; the others run their trunk. Example: `{dispatch: fix-eta}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub branches: BTreeMap<String, String>,
    /// Follow branches as they move, or hold what was found first. Unset: `follow`; an integration run always holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
    /// Branch, tag or commit of the Fleet's ops repository for the services that are built. Unset: the Fleet's default.
    /// Example: `fix-nginx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 250))]
    pub ops: Option<String>,
    /// A machine label of the Fleet for every service. Example: `xl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Environment variables of every service here; they win over the Fleet's and the services' own. Example: `{DEBUG: "1"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// How long it runs after it was made or last changed; `slipway keep` prolongs it. Unset: until deleted. Example: `8h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub ttl: Option<String>,
    /// Instead of services: run one service's integration tests against exactly its declared dependencies.
    /// Example: `{service: www, commit: 3f2c…}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<IntegrationSpec>,
}

/// What happens when a branch moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Update {
    /// Run its newest commit.
    Follow,
    /// Go on running what was found first.
    Hold,
}

/// What runs, and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DevEnvironmentStatus {
    /// Generation of the spec this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, or `Ended` instead; `Reconciling` and `Stalled` while true; `Conflict`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Ready services of all. Example: `6/7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<String>,
    /// What it waits for, the most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<BlockedBy>,
    /// The namespace of its pods, recorded before anything is made in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespaceRecord>,
    /// Its block of the Fleet's address range, recorded before its Services are made. Example: `10.96.128.32/27`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_block: Option<String>,
    /// Every service's commit and image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lock: Vec<LockedService>,
    /// The stores of `local`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreStatus>,
    /// When this generation of the spec was first seen; `ttl` counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When `ttl` ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Set once it has ended; its namespace is gone, its result stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// The integration run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<IntegrationStatus>,
    /// The last `slipway.dev/requestedAt` that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

/// The namespace of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceRecord {
    /// Name. Example: `env-issue519-3fa9c1`.
    pub name: String,
    /// UID once it exists: only this namespace is ever deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// One service of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockedService {
    /// The service.
    pub service: String,
    /// The branch, tag or commit it was asked to run; none for `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit it should run; none for `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The commit of the ops repository it should run; only where its image is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ops_commit: Option<String>,
    /// Why that commit. Example: `branch fix-eta`.
    pub why: String,
    /// The image by digest, once it exists; it changes only with the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Its address for the environment's whole life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether every pod of it runs this commit and is ready.
    pub ready: bool,
    /// How the last container of it came up; only where its image is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<ServiceStart>,
}

/// How a container of a built service came up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStart {
    /// UID of its pod.
    pub pod: String,
    /// Commit of the service's repository that its image was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_commit: Option<String>,
    /// Commit of the ops repository that its image was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_ops_commit: Option<String>,
    /// Seconds it took to fetch and provision what the image lacked; none when it lacked nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_seconds: Option<i64>,
    /// Why it did not come up; none when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One store of `local`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// The store.
    pub name: String,
    /// Whether it answers.
    pub ready: bool,
}

/// How an environment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: Timestamp,
    /// Generation of the spec that ended; a new one starts the environment again.
    pub generation: i64,
}

/// Why an environment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EndReason {
    /// It reached its `ttl`.
    Expired,
    /// A person stopped it.
    Stopped,
    /// Its integration run is over.
    Finished,
}
