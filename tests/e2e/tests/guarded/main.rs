//! A cluster whose network carries out policies, with a registry that wants a password beside the open one: what a cluster of
//! one's own has, and the local one usually has not.

mod network;
mod registry;
mod stage;

use anyhow::Result;

use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn environments_meet_only_themselves_and_pull_with_their_fleets_password() -> Result<()> {
    let stage = Box::pin(Stage::start()).await?;
    let told = async {
        Box::pin(registry::pods_are_pulled_with_the_fleets_password(&stage)).await?;
        Box::pin(network::environments_reach_themselves_and_nobody_else(&stage)).await?;
        Box::pin(network::a_runs_result_reaches_the_operator(&stage)).await
    };
    let told = told.await;
    stage.demo.stop().await?;
    told
}
