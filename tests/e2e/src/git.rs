//! A git server of a story's own inside the node, which can go away.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use slipway_cluster::Process;
use slipway_demo::{FLEET, Program};

use crate::waiting::until_answered;
use crate::world::World;

/// Serves the same repositories as the demo's own server, on another port.
pub struct SecondServer {
    port: u16,
    process: PathBuf,
}

impl SecondServer {
    /// Starts it.
    pub async fn start(world: &World, port: u16) -> Result<Self> {
        let cluster = world.demo.cluster();
        let fleet = world.demo.repositories().repository(FLEET);
        let directory = fleet.path().parent().context("the fleet's repository is in no directory")?;
        let process = cluster.data_dir().join(format!("git-server-{port}.pid"));
        let listen = SocketAddr::new(cluster.node_address(), port);
        let script = format!(
            "echo $$ > '{}' && exec '{}' git-server --listen {listen} --directory '{}'",
            process.display(),
            Program::Demo.path()?.display(),
            directory.display()
        );
        let command = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let name = format!("git-{port}");
        cluster.start_inside(Process { name, command, environment: Vec::new(), ready: Some(listen) }).await?;
        Ok(Self { port, process })
    }

    /// Where the operator finds its repositories.
    pub fn url(&self) -> String {
        format!("http://git.slipway.test:{}", self.port)
    }

    /// Ends it for good; returns when nobody answers any more.
    pub async fn end(self, world: &World) -> Result<()> {
        let process = fs::read_to_string(&self.process)?;
        let kill = ["kill", "-9", process.trim()];
        let killed = world.demo.cluster().exec_inside(&kill).await?;
        ensure!(killed.status.success(), "{kill:?}: {}", String::from_utf8_lossy(&killed.stderr));
        let ask = ["git", "ls-remote", &format!("{}/{FLEET}.git", self.url())].map(str::to_owned);
        until_answered("the git server is gone", async || {
            let words: Vec<&str> = ask.iter().map(String::as_str).collect();
            let answer = world.demo.cluster().exec_inside(&words).await?;
            ensure!(!answer.status.success(), "it still answers");
            Ok(())
        })
        .await
    }
}
