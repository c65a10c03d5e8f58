//! The image is pushed by a program of its own.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use slipway_agent::{PushOrder, PushOutcome};

/// Beside this program.
const PROGRAM: &str = "slipway-push";

/// Lets the image be pushed; what the program writes to its standard error is in the log of this container.
pub fn push(order: &PushOrder) -> anyhow::Result<PushOutcome> {
    let own = std::env::current_exe().context("failed to find out where this program is")?;
    let program = own.with_file_name(PROGRAM);
    let order = serde_json::to_string(order).context("failed to write the order as JSON")?;
    let output = Command::new(&program)
        .arg(order)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start {}; is this the agent's image?", program.display()))?;
    match serde_json::from_slice(&output.stdout) {
        Ok(outcome) => Ok(outcome),
        Err(_) => bail!("{PROGRAM} ended with {} and said nothing", output.status),
    }
}
