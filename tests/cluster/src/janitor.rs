//! The process that outlives the owner of a cluster and removes what no namespace takes along.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::{Error, Result};

/// A running janitor. It works as soon as its pipe closes: when this value is finished or dropped, or when the process
/// that holds it dies, of whatever.
pub(crate) struct Janitor {
    process: Child,
}

impl Janitor {
    /// Starts it, before there is anything to remove.
    pub(crate) fn start(keeper: &Path, cgroup: &str, temporary: Option<&Path>) -> Result<Self> {
        let process = Command::new(keeper)
            .args(["janitor", cgroup])
            .args(temporary)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Start { command: "keeper janitor".into(), source })?;
        Ok(Self { process })
    }

    /// Lets it work and waits for it.
    pub(crate) fn finish(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        let output = self.process.wait_with_output().map_err(Error::file("wait for", "keeper janitor"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Left { left: String::from_utf8_lossy(&output.stderr).trim().into() })
    }
}
