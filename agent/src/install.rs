//! The agent copies itself to where the other container of the pod finds it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Copies this program to `path`, for every user to run. What was there is replaced at once.
pub fn install(path: &Path) -> anyhow::Result<()> {
    let own = std::env::current_exe().context("failed to find out where this program is")?;
    let part = path.with_extension("part");
    fs::copy(&own, &part)
        .with_context(|| format!("failed to copy {} to {}", own.display(), part.display()))?;
    fs::set_permissions(&part, Permissions::from_mode(0o755))
        .and_then(|()| fs::rename(&part, path))
        .with_context(|| format!("failed to put the copy in place as {}", path.display()))
}
