//! Whether a fat container has come up, for the probe of its pod: the image need not have a program for that.

use std::path::Path;

use crate::{StartRecord, plain_file};

/// Most bytes of a record.
const RECORD_BYTES: u64 = 1 << 20;

/// Whether the record says that all is up.
pub fn is_up(record: &Path) -> bool {
    let record = plain_file::read(record, RECORD_BYTES).ok();
    let record: Option<StartRecord> = record.and_then(|text| serde_json::from_slice(&text).ok());
    record.is_some_and(|record| record.error.is_none())
}
