//! One integration run, started as a CI pipeline would: with the command line tool.

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::demo::Demo;
use crate::programs::Program;

/// Runs the tests of a service at the head of its trunk and waits for the result.
pub(super) async fn run(demo: &Demo, service: &str) -> Result<()> {
    let head = demo.repositories().repository(service).head(demo.fleet().trunk(service))?;
    let commit = head.with_context(|| format!("{service} has no trunk"))?;
    let mut command = Command::new(Program::Cli.path()?);
    command.args(["test", service, "--commit", &commit, "--wait", "--namespace", demo.fleet().namespace()]);
    command.args(["--context", &format!("slipway-{}", demo.cluster().id())]);
    command.env("KUBECONFIG", demo.cluster().kubeconfig_path()).current_dir(demo.cluster().data_dir());
    command.kill_on_drop(true);
    let status = command.status().await.context("cannot start slipway test")?;
    ensure!(
        status.success(),
        "the integration tests of {service} did not pass: slipway test ended with {status}"
    );
    Ok(())
}
