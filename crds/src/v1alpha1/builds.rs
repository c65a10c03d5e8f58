//! What images of services are built of and how: parts of a Fleet.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Credentials;

/// The repository of configuration management.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpsRepository {
    /// Where the repository is. `http://` or `https://` without user and password in it, or `ssh://` with a user.
    /// Example: `https://git.example.com/team/ops.git`.
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^(https?://[^@/]+|ssh://([A-Za-z0-9._][A-Za-z0-9._-]*@)?[^@/-][^@/]*)/.+")
    )]
    pub url: String,
    /// The branch that images are built with. Example: `master`. Unset: `main`.
    #[serde(default = "OpsRepository::default_trunk")]
    #[schemars(length(min = 1, max = 250))]
    pub trunk: String,
    /// Secret with the credentials. Unset: the repository is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// How often the server is asked for news, with a tenth of jitter. Example: `30s`. Unset: `1m`.
    #[serde(default = "OpsRepository::default_interval")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub interval: String,
}

impl OpsRepository {
    fn default_trunk() -> String {
        "main".to_owned()
    }

    fn default_interval() -> String {
        "1m".to_owned()
    }
}

/// The configuration management: one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = ("has(self.salt) != has(self.command)", "name one provisioner: salt or command"))]
pub struct Provisioner {
    /// Masterless salt. Example: `{apply: [www]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// Any program, in the folder of the ops repository; it gets `SERVICE`, `SERVICE_SHA` and `OPS_SHA`. Example: `[./provision.sh]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(max = 4096)))]
    pub command: Option<Vec<String>>,
}

impl Default for Provisioner {
    fn default() -> Self {
        Self { salt: Some(Salt::default()), command: None }
    }
}

/// Masterless salt, with the service's name as the grain `role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Salt {
    /// Folder of the states in the ops repository. Example: `salt/states`. Unset: `states`.
    #[serde(default = "Salt::default_states")]
    #[schemars(length(min = 1, max = 250))]
    pub states: String,
    /// Folder of the pillars in the ops repository. Example: `salt/pillar`. Unset: `pillar`.
    #[serde(default = "Salt::default_pillar")]
    #[schemars(length(min = 1, max = 250))]
    pub pillar: String,
    /// States to apply. Unset: all that `top.sls` gives to the role. Example: `[base, www]`.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 250)))]
    pub apply: Vec<String>,
}

impl Salt {
    fn default_states() -> String {
        "states".to_owned()
    }

    fn default_pillar() -> String {
        "pillar".to_owned()
    }
}

impl Default for Salt {
    fn default() -> Self {
        Self { states: Self::default_states(), pillar: Self::default_pillar(), apply: Vec::new() }
    }
}

/// How images are built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Builds {
    /// Builds that run at once. Example: `4`. Unset: `2`.
    #[serde(default = "Builds::default_concurrency")]
    #[schemars(range(min = 1, max = 100))]
    pub concurrency: i32,
    /// Every so many builds one starts from the base, the others from the image of the nearest ancestor. `1`: every one.
    /// Example: `20`. Unset: `10`.
    #[serde(default = "Builds::default_full_every")]
    #[schemars(range(min = 1, max = 1000))]
    pub full_every: i32,
    /// Images of each service that stay, newest first; what is in use stays beside them. Example: `50`. Unset: `20`.
    #[serde(default = "Builds::default_keep")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep: i32,
    /// How long a build may take until its image is in the registry. Example: `1h`. Unset: `30m`.
    #[serde(default = "Builds::default_timeout")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub timeout: String,
    /// How long a container may take at its start for what its image lacks, before a fresh image is built by itself.
    /// Example: `30s`. Unset: `2m`.
    #[serde(default = "Builds::default_staleness")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub staleness: String,
    /// Name of a Secret in this namespace, of type `kubernetes.io/dockerconfigjson`, with which images are pushed.
    /// Unset: everybody may push. Example: `registry-push`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub push_secret: Option<String>,
    /// Namespace that Slipway makes for the builds of this fleet. Unset: `build-<namespace>`. Example: `build-rider`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// Private address ranges that builds may reach beside those of the Fleet's `network.egress`: that of the registry, for
    /// one. Example: `[10.30.0.0/24]`.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 43)))]
    #[x_kube(validation = ("self.all(range, isCIDR(range))", "must be address ranges such as 10.30.0.0/24"))]
    pub egress: Vec<String>,
    /// Resources of the container that builds, and of that of the unit tests. A build that writes more than the limit of
    /// `ephemeral-storage` is ended, before the node's disk is full. Example: `{limits: {memory: 4Gi, ephemeral-storage: 20Gi}}`.
    /// Unset: `{limits: {ephemeral-storage: 10Gi}}`.
    #[serde(default = "Builds::default_resources")]
    pub resources: ResourceRequirements,
}

impl Builds {
    fn default_resources() -> ResourceRequirements {
        let disk = ("ephemeral-storage".to_owned(), Quantity("10Gi".to_owned()));
        ResourceRequirements { limits: Some([disk].into()), ..ResourceRequirements::default() }
    }

    fn default_concurrency() -> i32 {
        2
    }

    fn default_full_every() -> i32 {
        10
    }

    fn default_keep() -> i32 {
        20
    }

    fn default_timeout() -> String {
        "30m".to_owned()
    }

    fn default_staleness() -> String {
        "2m".to_owned()
    }
}

impl Default for Builds {
    fn default() -> Self {
        Self {
            concurrency: Self::default_concurrency(),
            full_every: Self::default_full_every(),
            keep: Self::default_keep(),
            timeout: Self::default_timeout(),
            staleness: Self::default_staleness(),
            push_secret: None,
            namespace: None,
            egress: Vec::new(),
            resources: Self::default_resources(),
        }
    }
}
