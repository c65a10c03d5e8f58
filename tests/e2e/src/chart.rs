//! Helm, with this checkout's chart.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use slipway_cluster::{Cache, Progress};

/// Namespace of the release.
pub const NAMESPACE: &str = "slipway-system";

/// Helm on one cluster, with folders of its own: nothing of the user's is read or written.
pub struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

impl Helm {
    /// For the cluster of this kubeconfig.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        let program = Cache::open()?.helm(Progress::Quiet)?;
        Ok(Self { program, kubeconfig: kubeconfig.to_owned(), home: tempfile::tempdir()? })
    }

    /// Runs `helm <verb> <release> [chart] …` in the release's namespace, and gives what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let (verb, rest) = words.split_at(words.len().min(2));
        let mut command = Command::new(&self.program);
        command.args(verb);
        if matches!(verb.first(), Some(&"install" | &"upgrade" | &"template")) {
            command.arg(chart());
        }
        command.args(rest).args(["--namespace", NAMESPACE]).env("KUBECONFIG", &self.kubeconfig);
        for folder in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(folder, self.home.path());
        }
        let output = command.output().with_context(|| format!("cannot start {}", self.program.display()))?;
        if !output.status.success() {
            bail!("helm {} failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The chart of this checkout.
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/slipway")
}
