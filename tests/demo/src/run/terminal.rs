//! A folder of commands for another terminal: the command line tool under both its names, and kubectl.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::demo::Demo;
use crate::programs::Program;

/// Makes the folder, which goes with the cluster.
fn commands(demo: &Demo) -> Result<PathBuf> {
    let folder = demo.cluster().data_dir().join("bin");
    if !folder.is_dir() {
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let cli = Program::Cli.path()?;
        for (name, program) in
            [("slipway", &cli), ("service", &cli), ("kubectl", &demo.cluster().kubectl_path())]
        {
            symlink(program, folder.join(name)).with_context(|| format!("cannot link {name}"))?;
        }
    }
    Ok(folder)
}

/// The one line that puts them, and the way to the cluster, into another terminal.
pub(super) fn line(demo: &Demo) -> Result<String> {
    let (id, kubeconfig) = (demo.cluster().id(), demo.cluster().kubeconfig_path());
    Ok(format!(
        "export KUBECONFIG={} SLIPWAY_CONTEXT=slipway-{id} PATH={}:\"$PATH\"",
        kubeconfig.display(),
        commands(demo)?.display(),
    ))
}
