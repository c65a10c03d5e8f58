//! kubectl beside it: the same objects from the same folders.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use slipway_cluster::Cluster;
use slipway_demo::Change;
use tokio::process::Command;

use crate::process::cpu_of_children;

/// What a command took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// From start to end.
    pub wall: Duration,
    /// Seconds of CPU of kubectl itself.
    pub cpu: f64,
}

/// Runs kubectl with the administrator's rights to its end.
pub async fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<Took> {
    let cpu = cpu_of_children()?;
    let begun = Instant::now();
    let mut command = Command::new(cluster.kubectl_path());
    command.env("KUBECONFIG", cluster.kubeconfig_path()).args(arguments);
    let ended = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().await?;
    let wall = begun.elapsed();
    if !ended.status.success() {
        bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&ended.stderr));
    }
    Ok(Took { wall, cpu: cpu_of_children()? - cpu })
}

/// Writes files below a folder.
pub fn write_files(folder: &Path, files: &[Change]) -> Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, file.content.as_deref().unwrap_or_default())?;
    }
    Ok(())
}
