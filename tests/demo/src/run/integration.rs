//! One integration run, started as a CI pipeline would: with the command line tool.

use anyhow::{Context, Result, ensure};

use super::terminal;
use crate::demo::Demo;
use crate::repository::TRUNK;

/// Runs the tests of a service at the head of its trunk and waits for the result.
pub(super) async fn run(demo: &Demo, service: &str) -> Result<()> {
    let head = demo.repositories().repository(service).head(TRUNK)?;
    let commit = head.with_context(|| format!("{service} has no trunk"))?;
    let mut command = terminal::slipway(demo)?;
    command.args(["test", service, "--commit", &commit, "--wait"]);
    let status = command.status().await.context("cannot start slipway test")?;
    ensure!(
        status.success(),
        "the integration tests of {service} did not pass: slipway test ended with {status}"
    );
    Ok(())
}
