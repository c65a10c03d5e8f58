//! An integration run: what is asked for, and how it went.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which service's tests run, at which commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationSpec {
    /// The service whose `integration:` block runs. Example: `www`.
    pub service: String,
    /// The commit under test: a commit, tag or branch; held as first found. Example: `3f2c…`.
    pub commit: String,
    /// Counts up for another run of the same commit. Example: `2`. Unset: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self > 0", "counts from 1"))]
    pub attempt: Option<i64>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IntegrationStep {
    /// The dependencies are starting.
    Preparing,
    /// The Job is about to be made or has been made, and its UID is not recorded yet.
    Starting,
    /// The tests run.
    Running,
    /// It is over; see `outcome`.
    Finished,
}

/// How a run ended: three different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// The command ended with 0.
    Passed,
    /// The command ended with another code: the tests say no.
    Failed,
    /// The tests could not say: a dependency never got ready, the pod was lost, …
    Error,
}

/// The run of one generation of the spec. It happens at most once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationStatus {
    /// Generation of the spec that this run belongs to.
    pub generation: i64,
    /// How far it is.
    pub step: IntegrationStep,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// In one sentence.
    #[serde(default)]
    pub message: String,
    /// UID of the Job, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// Sums over the JUnit files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<TestTotals>,
    /// The first failing tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<TestFailure>,
    /// How long each step took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<StepTime>,
    /// ConfigMap in this namespace with the bounded log and the JUnit files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// When it entered this step.
    pub since: Timestamp,
}

/// Sums over the JUnit files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestTotals {
    /// Test cases.
    pub tests: i64,
    /// Those that failed.
    pub failures: i64,
    /// Those that could not run.
    pub errors: i64,
    /// Those that were left out.
    pub skipped: i64,
}

/// One failing test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestFailure {
    /// Its name, with its class where it has one.
    pub name: String,
    /// What it said, cut to 300 characters.
    pub message: String,
}

/// How long one step took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepTime {
    /// The step.
    pub step: IntegrationStep,
    /// In seconds.
    pub seconds: i64,
}
