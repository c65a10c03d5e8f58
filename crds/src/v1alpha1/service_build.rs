//! `ServiceBuild`: the image of one service at one commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BlockedBy, Outcome, TestFailure, TestTotals};

/// Which service, at which commits.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "slipway.dev",
    version = "v1alpha1",
    kind = "ServiceBuild",
    namespaced,
    status = "ServiceBuildStatus",
    derive = "PartialEq",
    category = "slipway",
    shortname = "sbuild",
    doc = "ServiceBuild is the image of one service at one commit of its repository and one of the ops repository, made without a Dockerfile.",
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,56}[a-z0-9])?$')")
        .message("a build's name is a DNS label of at most 58 characters"),
    validation = Rule::new("self.spec == oldSelf.spec").message("a build is of one commit for ever: make another ServiceBuild"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.service"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Result", type_ = "string", json_path = ".status.outcome"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message"),
    printcolumn(name = "Image", type_ = "string", json_path = ".status.image", priority = "1")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceBuildSpec {
    /// The service: the name of a `ServiceRepo` of this namespace. Example: `www`.
    #[schemars(length(min = 1, max = 32))]
    pub service: String,
    /// Branch, tag or commit of the service's repository; held as first found. Example: `3f2c…`.
    #[schemars(length(min = 1, max = 250))]
    pub commit: String,
    /// Branch, tag or commit of the ops repository; held as first found. Unset: the Fleet's default. Example: `fix-nginx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 250))]
    pub ops_commit: Option<String>,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum BuildStep {
    /// It is not known yet what it is made of.
    #[default]
    Waiting,
    /// Others are built first.
    Queued,
    /// Its pod is being made.
    Starting,
    /// Its pod fetches, provisions and pushes; `progress` says what is done.
    Building,
    /// The unit tests run in the new image.
    Testing,
    /// The image gets its name.
    Naming,
    /// It is over; see `outcome`.
    Finished,
}

/// What the pod of a build does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum BuildStage {
    /// The commits are fetched from the operator.
    Fetch,
    /// The files of the base image are looked at.
    Base,
    /// Configuration management runs.
    Provision,
    /// Assets are built and copied in.
    Assets,
    /// The changed files become a layer.
    Commit,
    /// The layer is pushed.
    Push,
}

/// What a build is made of: the same inputs are never built twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildInputs {
    /// Commit of the service's repository.
    pub commit: String,
    /// Commit of the ops repository.
    pub ops_commit: String,
    /// The base image by digest.
    pub base: String,
}

/// The image that a build started from instead of the base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildParent {
    /// Its image by digest.
    pub image: String,
    /// Its commit of the service's repository.
    pub commit: String,
    /// Builds between it and the last full one, itself included.
    pub depth: i64,
}

/// How long a step or stage took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildTime {
    /// The step or stage. Example: `Provision`.
    pub name: String,
    /// In seconds.
    pub seconds: i64,
}

/// What configuration management said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    /// States that were looked at.
    pub states: i64,
    /// States that changed something.
    pub changed: i64,
    /// States that failed, with what they said; at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<ProvisionState>,
    /// The states that took longest; at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slowest: Vec<ProvisionState>,
}

/// One state of configuration management.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionState {
    /// Its identifier. Example: `nginx (pkg.installed)`.
    pub id: String,
    /// What it said, cut to 300 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// How long it took, in milliseconds.
    pub milliseconds: i64,
}

/// One asset of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuiltAsset {
    /// Folder that its command writes, in the service's repository. Example: `public`.
    pub output: String,
    /// Whether its command ran. Otherwise the output of an older image is kept.
    pub built: bool,
    /// Why it was built, or kept. Example: `its sources or its command changed`.
    pub because: String,
    /// How long it took, in milliseconds.
    pub milliseconds: i64,
}

/// How the unit tests went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitStatus {
    /// How they ended.
    pub outcome: Outcome,
    /// In one sentence.
    pub message: String,
    /// Sums over the JUnit files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<TestTotals>,
    /// The first failing tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<TestFailure>,
    /// What ran, so that it can be run again in the image: `slipway exec --failed www`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<UnitRun>,
}

/// How unit tests were run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitRun {
    /// The shell command. Example: `make test_unit`.
    pub command: String,
    /// The folder in which it ran. Example: `/srv/www`.
    pub folder: String,
    /// Its environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// How a build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BuildOutcome {
    /// The image has its name.
    Succeeded,
    /// Provisioning, or a unit test, says no: another commit is needed.
    Failed,
    /// It could not be built, though the commit may be good: ask again.
    Error,
    /// It was not needed any more.
    Cancelled,
}

/// How far it is, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceBuildStatus {
    /// Generation of the spec this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling` and `Stalled` while true.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// How far it is.
    #[serde(default)]
    pub step: BuildStep,
    /// In one sentence.
    #[serde(default)]
    pub message: String,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<BlockedBy>,
    /// What it is made of, recorded before anything is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BuildInputs>,
    /// Which input changed since the last build of the service. Example: `the service moved from 1a2b… to 3f2c…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The image it started from instead of the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<BuildParent>,
    /// The older image whose assets it takes over where their sources are the same; it starts from the base nevertheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets_from: Option<String>,
    /// Builds that are before it in the queue, those that run among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<i64>,
    /// The namespace of its pods, recorded before anything is made in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// UID of the Job that builds, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// UID of the Job of the unit tests, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_job_uid: Option<String>,
    /// What its pod does now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<BuildStage>,
    /// How long each step and stage took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<BuildTime>,
    /// What configuration management said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<Provisioned>,
    /// Its assets, and which of them were built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<BuiltAsset>,
    /// How the unit tests went; none are declared when it is absent from a finished build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitStatus>,
    /// The image by digest, as the registry has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<BuildOutcome>,
    /// ConfigMap in this namespace with the bounded log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// When it entered this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}
