//! How a delivered result is stored: within what a `ConfigMap` holds, and never overwritten.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;

use super::result::{LOG, RECORD, StoredFile, StoredResult, name};
use crate::desired::{Identity, labels};

/// Bytes of log and report files that fit; a `ConfigMap` holds 1 MiB in all.
pub(crate) const MAX_BYTES: usize = 900 * 1024;
/// Files that are stored, and characters of a file's name in its key; Kubernetes allows 253 for the whole key.
const MAX_FILES: usize = 200;
pub(super) const MAX_NAME: usize = 120;
/// Characters of a path that are recorded.
const MAX_PATH: usize = 300;

/// A JUnit file as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JunitFile {
    /// Where the tests wrote it.
    pub path: String,
    /// Its text.
    pub content: String,
}

/// The `ConfigMap` that stores a result. It is immutable: a result is never overwritten.
pub fn build(
    identity: &Identity,
    generation: i64,
    stored: StoredResult,
    log: &str,
    files: Vec<JunitFile>,
) -> Result<ConfigMap, serde_json::Error> {
    let data = Some(data(stored, log, files)?);
    let metadata = metadata(identity, generation);
    Ok(ConfigMap { metadata, data, immutable: Some(true), binary_data: None })
}

/// What is in the `ConfigMap` of a result.
pub fn data(
    mut stored: StoredResult,
    log: &str,
    files: Vec<JunitFile>,
) -> Result<BTreeMap<String, String>, serde_json::Error> {
    let log = tail(log, MAX_BYTES / 4);
    let mut data = BTreeMap::from([(LOG.to_owned(), log.to_owned())]);
    let (mut left, mut left_out) = (MAX_BYTES - log.len(), 0);
    for file in files {
        if file.content.len() > left || stored.files.len() == MAX_FILES {
            left_out += 1;
            continue;
        }
        left -= file.content.len();
        let key = key(stored.files.len(), &file.path);
        data.insert(key.clone(), file.content);
        stored.files.push(StoredFile { key, path: file.path.chars().take(MAX_PATH).collect() });
    }
    if left_out > 0 {
        stored.notes.push(format!("test reports that did not fit were left out: {left_out}"));
    }
    data.insert(RECORD.to_owned(), serde_json::to_string(&stored)?);
    Ok(data)
}

fn metadata(identity: &Identity, generation: i64) -> ObjectMeta {
    let mut all = labels::owner(identity);
    all.insert(names::RUN_GENERATION.to_owned(), generation.to_string());
    let owner = OwnerReference {
        api_version: DevEnvironment::api_version(&()).into_owned(),
        kind: DevEnvironment::kind(&()).into_owned(),
        name: identity.name.clone(),
        uid: identity.uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    };
    ObjectMeta {
        name: Some(name(&identity.name, generation)),
        namespace: Some(identity.fleet_namespace.clone()),
        labels: Some(all),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    }
}

/// A key that is unique by its number and safe as a file name: the path's last part without its odd characters.
pub(super) fn key(index: usize, path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = name.chars().map(safe).take(MAX_NAME).collect();
    format!("junit-{index:03}-{name}")
}

/// The end of a text, at most that many bytes.
pub(crate) fn tail(text: &str, bytes: usize) -> &str {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}
