//! What another terminal needs: a folder of commands, and a kubeconfig that begins in the fleet's namespace.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::demo::{Demo, NAMESPACE};
use crate::programs::Program;

/// The command line tool under both its names, and kubectl, in a folder that goes with the cluster.
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

fn begin_in_fleet(demo: &Demo, context: &str) -> Result<()> {
    let mut command = Command::new(demo.cluster().kubectl_path());
    command.args(["config", "set-context", context, "--namespace", NAMESPACE, "--kubeconfig"]);
    let output = command.arg(demo.cluster().kubeconfig_path()).output().context("cannot start kubectl")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl cannot set the namespace of {context}: {said}");
    Ok(())
}

/// The command line tool, told of this cluster and this fleet.
pub(super) fn slipway(demo: &Demo) -> Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(Program::Cli.path()?);
    command.args(["--context", &format!("slipway-{}", demo.cluster().id()), "--namespace", NAMESPACE]);
    command.env("KUBECONFIG", demo.cluster().kubeconfig_path()).current_dir(demo.cluster().data_dir());
    command.kill_on_drop(true);
    Ok(command)
}

/// The one line that puts them, and the way to the cluster, into another terminal.
pub(super) fn line(demo: &Demo) -> Result<String> {
    let context = format!("slipway-{}", demo.cluster().id());
    begin_in_fleet(demo, &context)?;
    Ok(format!(
        "export KUBECONFIG={} SLIPWAY_CONTEXT={context} PATH={}:\"$PATH\"",
        demo.cluster().kubeconfig_path().display(),
        commands(demo)?.display(),
    ))
}
