//! `ServiceRepo`: where a service's repository is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Credentials, Webhook};

/// Where a service's repository is. The object's name is the service's name.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "ServiceRepo",
    namespaced,
    status = "ServiceRepoStatus",
    derive = "PartialEq",
    category = "slipway",
    shortname = "srepo",
    doc = "ServiceRepo is one service: where its repository is and which branch is its trunk. Its name is the service's name.",
    validation = Rule::new("self.metadata.name != 'local'").message("local is the stateful pod; a service needs another name"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$')")
        .message("a service's name is a DNS label of at most 32 characters"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Trunk", type_ = "string", json_path = ".status.trunkCommit"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceRepoSpec {
    /// Where the repository is. `http://` or `https://` without user and password in it, or `ssh://` with a user.
    /// Example: `https://git.example.com/team/www.git`, `ssh://git@git.example.com/team/www.git`.
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^(https?://[^@/]+|ssh://([A-Za-z0-9._][A-Za-z0-9._-]*@)?[^@/-][^@/]*)/.+")
    )]
    pub url: String,
    /// The branch that everyone else builds on. Example: `master`. Unset: `main`.
    #[serde(default = "ServiceRepoSpec::default_trunk")]
    pub trunk: String,
    /// Secret with the credentials. Unset: the repository is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Messages of the git server that something was pushed. Unset: none are taken, and the interval is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// How often the server is asked for news, with a tenth of jitter. Example: `30s`. Unset: `1m`.
    #[serde(default = "ServiceRepoSpec::default_interval")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(s|m|h|d))+$"))]
    pub interval: String,
}

impl ServiceRepoSpec {
    fn default_trunk() -> String {
        "main".to_owned()
    }

    fn default_interval() -> String {
        "1m".to_owned()
    }
}

/// What is known of the repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRepoStatus {
    /// Generation of the spec this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Stalled` while a person is needed.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Commit the trunk points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk_commit: Option<String>,
    /// The last `slipway.dev/requestedAt` that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}
