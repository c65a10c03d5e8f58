//! Whether a fat container has come up, for the probe of its pod: the image need not have a program for that.

use std::path::Path;
use std::process::ExitCode;

use slipway_agent::{StartRecord, plain_file};

/// Most bytes of a record.
const RECORD_BYTES: u64 = 1 << 20;

/// Success once the record says that all is up.
pub fn started(record: &Path) -> ExitCode {
    let record = plain_file::read(record, RECORD_BYTES).ok();
    let record: Option<StartRecord> = record.and_then(|text| serde_json::from_slice(&text).ok());
    match record {
        Some(StartRecord { error: None, .. }) => ExitCode::SUCCESS,
        Some(_) | None => ExitCode::FAILURE,
    }
}
