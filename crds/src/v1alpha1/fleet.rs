//! `Fleet`: what the services of a namespace share.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Builds, OpsCandidate, OpsRepository, Provisioner};

/// What the services of this namespace share.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "Fleet",
    namespaced,
    status = "FleetStatus",
    derive = "PartialEq",
    category = "slipway",
    doc = "Fleet is what the services of a namespace share: registry, profiles, machines, the stateful pod's stores. One in each namespace.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Registry", type_ = "string", json_path = ".spec.registry"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetSpec {
    /// Registry that `{registry}` in a manifest's `image` stands for, host and port, with a path if it has one.
    /// Example: `registry.example.com/fleet`.
    #[schemars(length(max = 255), regex(pattern = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._/-]+)?$"))]
    pub registry: String,
    /// Name of a Secret in this namespace, of type `kubernetes.io/dockerconfigjson`, with the credentials of registries: digests
    /// are looked up with it, and nodes pull with a copy of it. Unset: everything can be read by anybody. Example: `registry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub pull_secret: Option<String>,
    /// Named sets of services. Example: `[{name: rider, services: [www, api]}]`.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// Machine labels that `machine:` of an environment and `label:` of an integration block may name.
    #[serde(default)]
    pub machines: Vec<Machine>,
    /// Environment variables of every service; a service's own, then an environment's, win over them.
    /// Example: `{REDIS_URL: "redis://local:6379"}`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Stores of the stateful pod `local`, a container each.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub stores: Vec<Store>,
    /// Volume of `local`, one for all stores of an environment. Unset: `1Gi` of the cluster's default class.
    #[serde(default)]
    pub volume: Volume,
    /// Where the ClusterIPs of environments come from. Unset: Kubernetes picks them, and they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<AddressRange>,
    /// What environments reach, and who reaches them, beside themselves and the internet.
    #[serde(default)]
    pub network: Network,
    /// How long an ended environment that was made by hand is kept for its result. Example: `7d`. Unset: `7d`.
    #[serde(default = "FleetSpec::default_keep_results")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub keep_results: String,
    /// How long an integration run waits for its dependencies before it ends as Error. Example: `10m`. Unset: `10m`.
    #[serde(default = "FleetSpec::default_ready_timeout")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub ready_timeout: String,
    /// Image that services without an `image` in their manifest are built on; `{registry}` stands for the Fleet's registry.
    /// Unset: every service names an `image`. Example: `{registry}/base:2026-11`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub base: Option<String>,
    /// Repository of the configuration management that makes an image of the base. Example:
    /// `{url: "https://git.example.com/team/ops.git"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ops: Option<OpsRepository>,
    /// Which configuration management that is. Unset: masterless salt. Example: `{command: [./provision.sh]}`.
    #[serde(default)]
    pub provisioner: Provisioner,
    /// How images are built.
    #[serde(default)]
    pub builds: Builds,
}

impl FleetSpec {
    fn default_keep_results() -> String {
        "7d".to_owned()
    }

    fn default_ready_timeout() -> String {
        "10m".to_owned()
    }
}

/// A named set of services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Name. Example: `rider`.
    pub name: String,
    /// Its services; what they depend on follows. Example: `[www, dispatch]`.
    pub services: Vec<String>,
}

/// What a machine label means here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machine {
    /// The label. Example: `oslave2_xl`.
    pub name: String,
    /// Resources of each service's container. Example: `{requests: {cpu: 100m, memory: 64Mi}}`.
    #[serde(default)]
    pub resources: ResourceRequirements,
    /// Labels a node must have. Example: `{disk: ssd}`.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
}

/// One store of the stateful pod `local`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    /// Name. Example: `redis`.
    #[schemars(length(max = 32), regex(pattern = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// Image; `{registry}` stands for the Fleet's registry. Example: `{registry}/redis:7`.
    pub image: String,
    /// Command. Unset: the image's own. Example: `[redis-server, --appendonly, "yes", --dir, /data]`.
    #[serde(default)]
    pub command: Vec<String>,
    /// Ports it answers on; ready means that the first accepts connections. Example: `[6379]`.
    #[schemars(length(min = 1, max = 16), inner(range(min = 1, max = 65535)))]
    pub ports: Vec<i32>,
    /// Where its data is; its own part of the environment's volume is mounted there. Example: `/data`.
    pub data: String,
    /// Environment variables of the store. Example: `{JAVA_OPTS: -Xmx128m}`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// A persistent volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// Size. Example: `2Gi`. Unset: `1Gi`.
    #[serde(default = "Volume::default_size")]
    pub size: String,
    /// Storage class. Unset: the cluster's default. Example: `fast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

impl Volume {
    fn default_size() -> String {
        "1Gi".to_owned()
    }
}

impl Default for Volume {
    fn default() -> Self {
        Self { size: Self::default_size(), class: None }
    }
}

/// What environments reach, and who reaches them. Environments never reach each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    /// Private address ranges that services may reach, such as those of a database outside of the cluster; not those of
    /// the cluster's pods. Example: `[10.20.0.0/16]`.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 43)))]
    #[x_kube(validation = ("self.all(range, isCIDR(range))", "must be address ranges such as 10.20.0.0/16"))]
    pub egress: Vec<String>,
    /// Namespaces whose pods may reach every service, such as that of an ingress controller. Example: `[ingress-nginx]`.
    #[serde(default)]
    #[schemars(
        length(max = 32),
        inner(length(max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))
    )]
    pub ingress: Vec<String>,
}

/// A range of ClusterIPs that environments get blocks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressRange {
    /// Part of the cluster's service range. Example: `10.96.128.0/20`.
    #[schemars(length(max = 18))]
    #[x_kube(validation = ("isCIDR(self) && cidr(self).ip().family() == 4", "must be an IPv4 range such as 10.96.128.0/20"))]
    pub range: String,
    /// Addresses in each environment's block, a power of two. Example: `16`. Unset: `32`.
    #[serde(default = "AddressRange::default_block")]
    #[x_kube(validation = ("self in [4, 8, 16, 32, 64, 128, 256]", "must be a power of two from 4 to 256"))]
    pub block: i32,
}

impl AddressRange {
    fn default_block() -> i32 {
        32
    }
}

/// Whether the Fleet is usable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetStatus {
    /// Generation of the spec this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Stalled` while a person is needed.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Commit of the ops repository that images are built with unless another is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ops_commit: Option<String>,
    /// Why that commit. Example: `built with it: api, www`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ops_why: Option<String>,
    /// The newest commit of the ops repository's trunk, while it is tried or when a service failed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ops_candidate: Option<OpsCandidate>,
}
