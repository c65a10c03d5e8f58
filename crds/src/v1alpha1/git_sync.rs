//! `GitSync`: apply the YAML under a path of a git repository to this namespace, and keep it so.

use jiff::Timestamp;
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
    validation = Rule::new("has(self.spec.serviceAccountName) || !has(self.spec.allowedKinds) || self.spec.allowedKinds.all(k, k.apiVersion.startsWith('slipway.dev/'))").message("kinds that are not Slipway's are applied with the rights of a service account: set serviceAccountName"),
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
    /// ServiceAccount of this namespace whose rights count for everything that is applied and pruned. Unset: the operator's,
    /// which suffice for Slipway's own kinds only. Example: `fleet-deployer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub service_account_name: Option<String>,
    /// The kinds that may come from the repository, and no others. Unset: Fleet, ServiceRepo, DevEnvironment and GitSync.
    /// Example: `[{apiVersion: apps/v1, kind: Deployment}, {apiVersion: v1, kind: ConfigMap}]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub allowed_kinds: Option<Vec<AllowedKind>>,
    /// Whose signature a commit must have to be applied. Unset: none is asked for.
    /// Example: `{provider: ssh, secret: release-signers}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verification>,
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

/// Whose signature a commit must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// With what commits are signed: `gpg` or `ssh`. Example: `ssh`.
    pub provider: SignatureProvider,
    /// Name of a Secret in this namespace. Each of its entries is, for `gpg`, armoured public keys, for `ssh`, lines as in
    /// git's `allowed_signers`. Example: `release-signers`.
    #[schemars(length(min = 1, max = 253))]
    pub secret: String,
}

/// With what commits are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignatureProvider {
    /// `OpenPGP`, as by `git commit -S`.
    Gpg,
    /// SSH keys, as with `gpg.format = ssh`.
    Ssh,
}

/// A kind that may come from the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedKind {
    /// API version, as the files write it. Example: `apps/v1`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^([a-z0-9.-]+/)?[a-z0-9]+$"))]
    pub api_version: String,
    /// Kind of objects in a namespace. Example: `Deployment`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Z][A-Za-z0-9]*$"))]
    pub kind: String,
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
    /// The revisions that were tried last, the newest first; at most ten. A revision is in it once for each time that it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<AppliedRevision>,
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
    /// What is not done to it, because its annotation `slipway.dev/reconcile` or `slipway.dev/prune` is `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opted_out: Option<OptOut>,
    /// File that declared it last: while that file has a mistake, the object stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What is not done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OptOut {
    /// It is not deleted.
    Prune,
    /// It is neither changed nor deleted.
    Reconcile,
}

/// A revision that was tried, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedRevision {
    /// Commit.
    pub revision: String,
    /// Since when it is as `outcome` says.
    pub at: Timestamp,
    /// `Applied`, or the reason why it could not be applied in full, as in the condition `Applied`.
    pub outcome: String,
    /// How many objects it declares.
    pub declared: i64,
}
