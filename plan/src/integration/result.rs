//! The stored result of a run: a `ConfigMap` beside the `DevEnvironment`, readable after the namespace is gone.

use k8s_openapi::api::core::v1::ConfigMap;
use serde::{Deserialize, Serialize};
use slipway_crds::names;
use slipway_crds::v1alpha1::{Outcome, TestFailure, TestTotals};

/// Key of the record, a [`StoredResult`] as JSON.
pub const RECORD: &str = "result.json";
/// Key of the end of the log.
pub const LOG: &str = "log";
/// What is recorded of a delivered result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredResult {
    /// Code the command ended with; none when it never ran.
    pub exit_code: Option<i32>,
    /// Why the result says nothing about the tests, if so.
    pub error: Option<String>,
    /// Sums over the JUnit files; none when there were none.
    pub totals: Option<TestTotals>,
    /// The first failing tests.
    pub failures: Vec<TestFailure>,
    /// What was cut or could not be read.
    pub notes: Vec<String>,
    /// How long the command ran.
    pub seconds: u64,
    /// The stored JUnit files.
    pub files: Vec<StoredFile>,
    /// SHA-256 of the delivery: the same one may come twice.
    pub digest: String,
}

/// One stored JUnit file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its key in the `ConfigMap`, which is safe as a file name.
    pub key: String,
    /// Where the tests wrote it, in their words: never a path to write to.
    pub path: String,
}

/// A delivered result, as the status of the run tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Code the command ended with; none when it never ran.
    pub exit_code: Option<i32>,
    /// Why the result says nothing about the tests, if so.
    pub error: Option<String>,
    /// Sums over the JUnit files.
    pub totals: Option<TestTotals>,
    /// The first failing tests.
    pub failures: Vec<TestFailure>,
    /// In one sentence.
    pub message: String,
    /// Name of the `ConfigMap`.
    pub result: String,
}

impl Delivery {
    /// Three different things: only the code of a command that ended by itself says whether the tests passed.
    pub fn outcome(&self) -> Outcome {
        match (&self.error, self.exit_code) {
            (None, Some(0)) => Outcome::Passed,
            (None, Some(_)) => Outcome::Failed,
            (Some(_), _) | (None, None) => Outcome::Error,
        }
    }
}

/// Name of the `ConfigMap` of one run.
pub fn name(environment: &str, generation: i64) -> String {
    format!("{environment}-run-{generation}")
}

/// The delivered result in a `ConfigMap`; none when it is a deleted environment's of the same name.
pub fn delivery(config_map: &ConfigMap, environment_uid: &str) -> Option<Delivery> {
    if !is_of(config_map, environment_uid) {
        return None;
    }
    let stored = record(config_map).unwrap_or_else(|| StoredResult {
        error: Some(format!("{RECORD} of the stored result cannot be read: ask for another run")),
        ..StoredResult::default()
    });
    let result = config_map.metadata.name.clone().unwrap_or_default();
    let message = describe(&stored);
    let StoredResult { exit_code, error, totals, failures, .. } = stored;
    Some(Delivery { exit_code, error, totals, failures, message, result })
}

/// Whether a stored result belongs to this environment.
pub fn is_of(config_map: &ConfigMap, environment_uid: &str) -> bool {
    let labels = config_map.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(names::OWNER_UID)).is_some_and(|uid| uid == environment_uid)
}

/// The record in a `ConfigMap`.
pub fn record(config_map: &ConfigMap) -> Option<StoredResult> {
    serde_json::from_str(config_map.data.as_ref()?.get(RECORD)?).ok()
}

/// What a shell ends with when it does not find a program (POSIX).
const NOT_FOUND: i32 = 127;

fn describe(stored: &StoredResult) -> String {
    let tests = stored.totals.map_or_else(|| "no test reports".to_owned(), |totals| count(&totals));
    let first = match (&stored.error, stored.exit_code) {
        (Some(error), _) => error.clone(),
        (None, Some(NOT_FOUND)) => {
            format!("the command ended with code {NOT_FOUND}: a program that it names is not there, {tests}")
        }
        (None, Some(code)) => format!("the command ended with code {code}, {tests}"),
        (None, None) => "the command did not run".to_owned(),
    };
    std::iter::once(first).chain(stored.notes.clone()).collect::<Vec<_>>().join("; ")
}

fn count(totals: &TestTotals) -> String {
    let TestTotals { tests, failures, errors, skipped } = totals;
    let bad = failures + errors;
    let skipped = if *skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    let verdict = if bad == 0 { "none failed".to_owned() } else { format!("{bad} failed") };
    format!("{tests} tests, {verdict}{skipped}")
}

#[cfg(test)]
mod tests;
