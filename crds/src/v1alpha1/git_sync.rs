//! `GitSync`: apply the YAML under a path of a git repository to this namespace, and keep it so.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Credentials, Suspension, Webhook};

/// What to apply from which repository.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "GitSync",
    namespaced,
    status = "GitSyncStatus",
    derive = "PartialEq",
    category = "slipway",
    shortname = "gsync",
    doc = "GitSync applies the YAML under a path of a git repository to its namespace, keeps it so, and prunes what left.",
    validation = Rule::new("self.metadata.name.size() <= 63").message("the name is a label on objects: at most 63 characters"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.lastAppliedRevision"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[0].message")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitSyncSpec {
    /// Where the repository is. `http://` or `https://` without user and password in it, or `ssh://` with a user.
    /// Example: `https://git.example.com/platform/fleet.git`, `ssh://git@git.example.com/platform/fleet.git`.
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^(https?://[^@/]+|ssh://([A-Za-z0-9._][A-Za-z0-9._-]*@)?[^@/-][^@/]*)/.+")
    )]
    pub url: String,
    /// Secret with the credentials. Unset: the repository is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Messages of the git server that something was pushed. Unset: none are taken, and the interval is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// Which branch, tag or commit to apply. Unset: branch `main`.
    #[serde(default)]
    pub reference: Reference,
    /// Folder in the repository; every `.yaml`, `.yml` and `.json` file below it is applied. Unset: the whole repository.
    /// Example: `environments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How often the server is asked for news, with a tenth of jitter. Example: `30s`. Unset: `1m`.
    #[serde(default = "GitSyncSpec::default_interval")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub interval: String,
    /// Whether objects whose file left the repository are deleted. Unset: `true`.
    #[serde(default = "GitSyncSpec::default_prune")]
    pub prune: bool,
    /// Pause. Example: `{reason: "incident 42"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspension>,
}

impl GitSyncSpec {
    fn default_interval() -> String {
        "1m".to_owned()
    }

    fn default_prune() -> bool {
        true
    }
}

/// A branch, a tag, a range of versions or a commit: exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = (
    "[has(self.branch), has(self.tag), has(self.semver), has(self.commit)].filter(x, x).size() == 1",
    "exactly one of branch, tag, semver and commit must be set"
))]
pub struct Reference {
    /// A branch, followed as it moves. Example: `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A tag. Example: `v1.4.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The newest version among the tags that is in this range, with or without a `v` before it. Prereleases only when
    /// the range names one. Example: `>=1.2 <2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub semver: Option<String>,
    /// A commit, all 40 hexadecimal digits. Example: `3f2c1ab04d5e6f708192a3b4c5d6e7f80910a2b3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{40}$"))]
    pub commit: Option<String>,
}

impl Default for Reference {
    fn default() -> Self {
        Self { branch: Some("main".to_owned()), tag: None, semver: None, commit: None }
    }
}

/// What is applied, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitSyncStatus {
    /// Generation of the spec this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, or `Suspended` instead; `Reconciling` and `Stalled` while true; `Fetched`, `Applied`, `Conflict`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Commit that was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// Commit that was last applied in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// Repository and branch, tag or commit that revision came from: history is compared only within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_source: Option<String>,
    /// How many objects that revision declared, or as many as were recorded first: a prune of more than half of these waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune_measure: Option<i64>,
    /// The last `slipway.dev/requestedAt` that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The objects this GitSync made.
    #[serde(default)]
    pub inventory: Vec<InventoryEntry>,
}

/// One object that a `GitSync` made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryEntry {
    /// API version, for example `slipway.dev/v1alpha1`.
    pub api_version: String,
    /// Kind, for example `DevEnvironment`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// UID: what is deleted is this object and no later one of the same name.
    pub uid: String,
    /// File that declared it last: while that file has a mistake, the object stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}
