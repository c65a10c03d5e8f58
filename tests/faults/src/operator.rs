//! The operator as a process of its own: it is killed with SIGKILL between any two of its acts, and started again.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::proxy::CONTEXT;

/// Name of the subcommand that is the operator.
pub const SUBCOMMAND: &str = "operator";

/// How long the address of an operator that was killed may be in use still.
const RELEASE: Duration = Duration::from_secs(5);

/// Name of the Lease.
pub const LEASE: &str = "slipway-controller";

/// What an operator is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program: this crate's own, which is the operator when it is told to be.
    pub program: PathBuf,
    /// The only namespace it looks after.
    pub namespace: String,
    /// Folder for its cache and log.
    pub folder: PathBuf,
    /// Registry without encryption, as host and port.
    pub registry: String,
    /// The name under which it wants the lease; none for an operator that is the only one.
    pub identity: Option<String>,
    /// Under which URL pods are told to reach it; none for its own.
    pub url: Option<String>,
}

/// One operator.
#[derive(Clone)]
pub struct Operator {
    settings: Settings,
    address: SocketAddr,
    child: Arc<Mutex<Option<Child>>>,
    starts: Arc<AtomicUsize>,
}

impl Operator {
    /// One that is not started yet.
    pub fn new(settings: Settings) -> Result<Self> {
        // The port stays the same over restarts: it is in the Job of an integration run.
        Ok(Self { settings, address: free_address()?, child: Arc::default(), starts: Arc::default() })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it, unless it runs; whether it had to.
    pub fn start(&self, kubeconfig: &Path) -> Result<bool> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = child.is_none();
        if is_new {
            self.until_the_address_is_free()?;
            self.starts.fetch_add(1, Ordering::Relaxed);
            *child = Some(self.command(kubeconfig)?.spawn().context("failed to start the operator")?);
        }
        Ok(is_new)
    }

    /// The kernel may give an address back a moment after the process that was killed is gone.
    fn until_the_address_is_free(&self) -> Result<()> {
        let end = Instant::now() + RELEASE;
        while is_listened_on(self.address.port())? {
            if Instant::now() > end {
                bail!("somebody else listens on {}: look at `ss --listening --processes`", self.address);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// How often it was started.
    pub fn starts(&self) -> usize {
        self.starts.load(Ordering::Relaxed)
    }

    /// What it serves under a path.
    pub async fn get(&self, path: &str) -> Result<String> {
        let url = format!("{}/{path}", self.url());
        let asked = tokio::task::spawn_blocking(move || ureq::get(&url).call()?.body_mut().read_to_string());
        Ok(asked.await??)
    }

    fn command(&self, kubeconfig: &Path) -> Result<Command> {
        let Settings { program, namespace, folder, registry, identity, url } = &self.settings;
        let url = url.clone().unwrap_or_else(|| self.url());
        let mut command = Command::new(program);
        command.args([SUBCOMMAND, "--context", CONTEXT, "--namespace", namespace, "--log-format", "text"]);
        command.arg("--cache").arg(folder.join("cache")).args(["--listen", &self.address.to_string()]);
        command.args(["--url", &url, "--plain-http-registries", registry, "--agent-image", "agent"]);
        if let Some(identity) = identity {
            command.args(["--leader-elect", "--identity", identity, "--address", "127.0.0.1"]);
            command.arg("--service").arg(format!("{namespace}/{LEASE}"));
        }
        command.env("KUBECONFIG", kubeconfig).env("RUST_LOG", "info,slipway_controller=debug");
        // The last lines of its log are shown: the cause, not how it came to it.
        command.env("RUST_BACKTRACE", "0");
        // What it reads from ends with this process, and then it ends, too.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(self.log_file()?);
        Ok(command)
    }

    /// Under which URL pods reach it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn log_file(&self) -> Result<File> {
        let path = self.settings.folder.join("log");
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened.with_context(|| format!("failed to open {}", path.display()))
    }

    /// All that it wrote to its log, over all its lives.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.settings.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Kills it; it is gone when this returns.
    pub fn kill(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            // It may have ended by itself, and then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether it runs; an error when it ended without having been killed.
    pub fn runs(&self) -> Result<bool> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = child.as_mut() else { return Ok(false) };
        match running.try_wait()? {
            None => Ok(true),
            Some(status) => bail!("the operator ended by itself with {status}"),
        }
    }

    /// Whether it has ended by itself, with what it was told or with an error.
    pub fn has_ended(&self) -> Result<bool> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match child.as_mut() {
            Some(running) => running.try_wait()?.is_some(),
            None => true,
        };
        if ended {
            *child = None;
        }
        Ok(ended)
    }

    /// Stops it and lets it go on, as a machine that was suspended.
    pub fn signal(&self, signal: nix::sys::signal::Signal) -> Result<()> {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = child.as_ref() else { bail!("the operator does not run") };
        let id = nix::unistd::Pid::from_raw(i32::try_from(running.id())?);
        Ok(nix::sys::signal::kill(id, signal)?)
    }
}

/// Whether the kernel has a listening socket with this port. Nothing is bound to find out: a program that is just being started
/// by another thread would hold what was bound.
fn is_listened_on(port: u16) -> Result<bool> {
    const LISTENS: &str = "0A";
    let sockets = std::fs::read_to_string("/proc/net/tcp").context("failed to read /proc/net/tcp")?;
    let ending = format!(":{port:04X}");
    Ok(sockets.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields.get(1).is_some_and(|local| local.ends_with(&ending)) && fields.get(3) == Some(&LISTENS)
    }))
}

/// An address whose port the kernel gives to nobody while an operator is being started again: it hands out those from 32768 on.
fn free_address() -> Result<SocketAddr> {
    static TRIED: AtomicUsize = AtomicUsize::new(0);
    let begin = usize::try_from(std::process::id())? * 97;
    for _ in 0..1_000 {
        let port = 20_000 + (begin + TRIED.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port)?));
        if !is_listened_on(address.port())? {
            return Ok(address);
        }
    }
    bail!("failed to find a free port")
}

/// What kills an operator when its owner goes.
pub struct Leash(pub Operator);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.kill();
    }
}
