//! The operator as a process of its own, in the profile that is released.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use slipway_demo::Program;

use crate::process::{self, Usage};

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where and as whom it runs.
pub struct Place {
    /// As whom it acts.
    pub kubeconfig: PathBuf,
    /// The context of the kubeconfig.
    pub context: String,
    /// For mirrors and log.
    pub folder: PathBuf,
    /// Registry without encryption, as host and port.
    pub registry: String,
}

/// A running operator; dropping it kills it.
pub struct Operator {
    child: Child,
    address: SocketAddr,
}

impl Operator {
    /// Starts it; see [`Operator::ready`].
    pub fn start(place: &Place) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0").context("failed to find a free port")?.local_addr()?;
        let url = format!("http://{address}");
        // It must not live longer than this process, however that ends; setpriv becomes the operator.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(Program::Controller.path()?);
        command.args(["--context", &place.context, "--listen", &address.to_string(), "--url", &url]);
        command.arg("--cache").arg(place.folder.join("mirrors"));
        command.args(["--plain-http-registries", &place.registry]);
        let log = File::options().create(true).append(true).open(place.folder.join("operator.log"))?;
        command.env("KUBECONFIG", &place.kubeconfig);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().context("failed to start the operator by setpriv (util-linux)")?;
        Ok(Self { child, address })
    }

    /// Waits until every watch has shown what there is.
    pub async fn ready(&self) -> Result<()> {
        let begun = Instant::now();
        let url = self.url("readyz");
        loop {
            let url = url.clone();
            if tokio::task::spawn_blocking(move || ureq::get(&url).call().is_ok()).await? {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("the operator was not ready after {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it serves under a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// What it has used.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    /// From now on a new peak of memory is counted.
    pub fn forget_peak(&self) -> Result<()> {
        process::forget_peak(self.child.id())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
