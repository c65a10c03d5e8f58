//! What a service of an environment answers over HTTP.

use anyhow::{Result, ensure};
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::get;

use crate::waiting::until_answered;
use crate::world::World;

/// Asks until the answer contains what is wanted: for a moment after a pod was swapped, the old one may still be asked.
pub async fn until_told(
    world: &World,
    environment: &DevEnvironment,
    service: &str,
    path: &str,
    wanted: &str,
) -> Result<()> {
    let address = world.demo.publish(environment, service).await?;
    until_answered(&format!("{service} tells of {wanted}"), async || {
        let told = get(address, path).await?;
        ensure!(told.contains(wanted), "it tells of {told}");
        Ok(())
    })
    .await
}
