//! `slipway-push ORDER`: pushes the image that a build left, and says on its standard output how that went. Started by
//! `slipway-agent push`, beside which it is in the agent's image; static, too.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use slipway_agent::{PushOrder, PushOutcome};
use slipway_images::push_candidate;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(PushOutcome::Pushed(_)) => ExitCode::SUCCESS,
        Ok(PushOutcome::Failed { .. }) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("slipway-push: {error:#}");
            ExitCode::from(64)
        }
    }
}

async fn run() -> Result<PushOutcome> {
    let order = std::env::args().nth(1).context("expected an order, as `slipway-agent push` writes it")?;
    let order: PushOrder =
        serde_json::from_str(&order).context("the order is not the JSON that is expected")?;
    let outcome = push_candidate(&order).await;
    println!("{}", serde_json::to_string(&outcome).context("failed to write the outcome as JSON")?);
    Ok(outcome)
}
