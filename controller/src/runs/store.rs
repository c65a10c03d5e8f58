//! A result is stored once.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client, Error};
use sha2::{Digest as _, Sha256};
use slipway_agent::Report;
use slipway_crds::names;
use slipway_plan::desired::Identity;
use slipway_plan::integration::result::{self, StoredResult};
use slipway_plan::integration::store::{self as layout, JunitFile};

use super::junit::{self, Tally};
use super::refusal::Refusal;

/// Notes that are kept, and characters of each.
const MAX_NOTES: usize = 20;
const MAX_NOTE: usize = 300;

/// What a delivery is known by.
pub fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Stores the result of a run, unless it is stored already.
pub async fn store(
    client: &Client,
    identity: &Identity,
    generation: i64,
    report: Report,
    digest: &str,
) -> Result<(), Refusal> {
    let config_map = config_map(identity, generation, report, digest)?;
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &identity.fleet_namespace);
    let name = result::name(&identity.name, generation);
    let params =
        PostParams { field_manager: Some(names::ENVIRONMENT_MANAGER.to_owned()), ..PostParams::default() };
    match api.create(&params, &config_map).await {
        Ok(_) => Ok(()),
        Err(Error::Api(status)) if status.is_already_exists() => {
            let stored = api.get(&name).await.map_err(Refusal::api(format!("read ConfigMap {name}")))?;
            compare(&stored, &identity.uid, digest, name)
        }
        Err(source) => Err(Refusal::Api { what: format!("store ConfigMap {name}"), source }),
    }
}

/// The agent did not hear that its result was stored, and offers it again; or it is another one.
fn compare(stored: &ConfigMap, environment_uid: &str, digest: &str, name: String) -> Result<(), Refusal> {
    if !result::is_of(stored, environment_uid) {
        return Err(Refusal::StillThere(name));
    }
    match result::record(stored) {
        Some(record) if record.digest == digest => Ok(()),
        _ => Err(Refusal::Stored(name)),
    }
}

fn config_map(
    identity: &Identity,
    generation: i64,
    report: Report,
    digest: &str,
) -> Result<ConfigMap, Refusal> {
    let (stored, log, files) = unpacked(report, digest);
    layout::build(identity, generation, stored, &log, files).map_err(Refusal::Render)
}

/// A result as it is stored: the record, the log, and the files.
pub fn unpacked(report: Report, digest: &str) -> (StoredResult, String, Vec<JunitFile>) {
    let Tally { totals, failures, malformed } = junit::tally(&report.files);
    let mut notes: Vec<String> =
        report.notes.iter().chain(&malformed).map(|note| junit::cut(note, MAX_NOTE)).collect();
    notes.truncate(MAX_NOTES);
    let stored = StoredResult {
        exit_code: report.exit_code,
        error: report.error.map(|error| junit::cut(&error, MAX_NOTE)),
        totals,
        failures,
        notes,
        seconds: report.seconds,
        files: Vec::new(),
        digest: digest.to_owned(),
    };
    let log = match report.log_cut {
        0 => report.log,
        cut => format!("[{cut} bytes of the log came before]\n{}", report.log),
    };
    let files = report.files.into_iter().map(|file| JunitFile { path: file.path, content: file.content });
    (stored, log, files.collect())
}
