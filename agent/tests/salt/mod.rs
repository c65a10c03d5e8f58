//! Salt from `PyPI`, for this machine's Python.

use std::path::PathBuf;
use std::process::Command;

use slipway_cluster::{Cache, Progress};

/// The program `salt-call`. Takes a minute or two the first time, and the network.
pub fn salt_call() -> PathBuf {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let output = Command::new("python3").args(["-c", version]).output().unwrap();
    assert!(output.status.success(), "python3 does not run; run .ci/setup");
    let python = String::from_utf8(output.stdout).unwrap();
    Cache::open().unwrap().salt(python.trim(), Progress::Quiet).unwrap().join("salt-call")
}
