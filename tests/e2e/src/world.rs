//! What all stories of one run share.

use anyhow::{Context, Result};
use slipway_demo::{Demo, DemoOptions, FLEET, Repository};

use crate::operator::Operator;

/// The demo, and the operator as something that can be disturbed.
pub struct World {
    /// Cluster, git server, registry, operator and the demo's own fleet.
    pub demo: Demo,
    /// The operator's Deployment.
    pub operator: Operator,
}

impl World {
    /// Starts everything; it takes about a minute.
    pub async fn start() -> Result<Self> {
        let demo = Box::pin(Demo::start(DemoOptions::default())).await?;
        let operator = Operator::new(demo.client());
        Ok(Self { demo, operator })
    }

    /// Makes a repository that the demo's git server serves, empty and without a hook.
    pub fn create_repository(&self, name: &str) -> Result<Repository> {
        let fleet = self.demo.repositories().repository(FLEET);
        let directory = fleet.path().parent().context("the fleet's repository is in no directory")?;
        Repository::create(directory, name)
    }
}
