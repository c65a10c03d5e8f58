//! `slipway-controller`: the operator.

use clap::Parser as _;
use slipway_controller::run;
use slipway_controller::settings::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run::main(Settings::parse()).await
}
