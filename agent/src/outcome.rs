//! Why a container ended, where the kubelet reads it.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// The kubelet reads no more.
const MESSAGE_BYTES: usize = 4096;

/// Says why, in the log and in the pod's status.
pub fn failed(termination_log: &Path, reason: &str) -> ExitCode {
    eprintln!("slipway-agent: {reason}");
    let end = reason.floor_char_boundary(MESSAGE_BYTES);
    if let Err(error) = fs::write(termination_log, reason.get(..end).unwrap_or_default()) {
        eprintln!("slipway-agent: cannot write {}: {error}", termination_log.display());
    }
    ExitCode::FAILURE
}
