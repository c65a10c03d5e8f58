//! A running cluster, and the way there and back.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::cache::{Cache, Program};
use crate::certificates::Authority;
use crate::error::{Error, Result};
use crate::forward;
use crate::inside;
use crate::janitor::Janitor;
use crate::kubeconfig;
use crate::namespaces::Namespaces;
use crate::node::{AUDIT_LOG, Starter, registry};
use crate::options::{Mode, Options, Process, Publish};
use crate::part::{Ended, first_end};
use crate::precheck;
use crate::settings::{self, NODE_NAME, Settings};

const API_PORT: u16 = 6443;
const API: &str = "kube-apiserver";
const REGISTRY: &str = "registry";

/// A one-node Kubernetes that lives as long as this value, and never longer than this process.
pub struct Cluster {
    starter: Starter,
    cache: Cache,
    published: Mutex<HashMap<String, SocketAddr>>,
    ended: watch::Receiver<Option<Ended>>,
    standing: Option<Standing>,
}

/// What has to be taken down, in this order.
struct Standing {
    runtime: Runtime,
    namespaces: Arc<Namespaces>,
    janitor: Janitor,
    _reserved: Option<(u16, TcpSocket)>,
}

impl Standing {
    fn end(self) -> Result<()> {
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        self.namespaces.end();
        self.janitor.finish()
    }
}

impl Cluster {
    /// Builds what the machine lacks, starts a cluster, and returns when it can be used.
    ///
    /// A failure leaves nothing behind and carries the last lines of the part that failed.
    pub async fn start(options: Options) -> Result<Self> {
        let publish = options.publish.clone();
        let processes = options.processes.clone();
        let cluster = blocking("prepare the cluster", move || Self::prepare(&options)).await??;
        for published in &publish {
            cluster.publish(published)?;
        }
        let starter = cluster.starter.clone();
        cluster.inside("start the cluster", Box::pin(starter.bring_up(processes))).await?;
        Ok(cluster)
    }

    /// Everything before the first part starts.
    fn prepare(options: &Options) -> Result<Self> {
        precheck::require(options.mode)?;
        let cache = Cache::open()?;
        cache.prepare(options.mode, options.progress)?;
        if options.mode == Mode::Full && options.network_policies {
            cache.prepare_policies(options.progress)?;
        }
        let reserved = (options.mode == Mode::Fast).then(forward::reserve).transpose()?;
        let api_port = reserved.as_ref().map_or(API_PORT, |(port, _)| *port);
        let settings = Arc::new(settings::settle(options, &cache, api_port)?);
        let keeper = cache.program(Program::Keeper);
        let temporary = options.data_dir.is_none().then_some(settings.data.as_path());
        let janitor = Janitor::start(&keeper, &settings.name(), temporary)?;
        let authority = Arc::new(Authority::create(settings.path("certificates"))?);
        let namespaces = Arc::new(inside::create(&settings, &keeper)?);
        let runtime = namespaces.runtime(settings.mode == Mode::Full)?;
        let (sender, ended) = watch::channel(None);
        let starter = Starter {
            settings,
            authority,
            namespaces: namespaces.clone(),
            ended: sender,
            progress: options.progress,
        };
        let standing = Some(Standing { runtime, namespaces, janitor, _reserved: reserved });
        let cluster = Self { starter, cache, published: Mutex::default(), ended, standing };
        cluster.publish_own()?;
        Ok(cluster)
    }

    /// The API server and the registry answer on the host, and the first kubeconfig says where.
    fn publish_own(&self) -> Result<()> {
        let node = IpAddr::V4(self.settings().node_address());
        let api = SocketAddr::new(node, self.settings().api_port);
        match self.settings().mode {
            Mode::Full => {
                self.publish(&Publish { name: API.into(), host_port: None, target: api })?;
                let target = registry::ADDRESS;
                self.publish(&Publish { name: REGISTRY.into(), host_port: None, target })?;
            }
            Mode::Fast => drop(self.remember(API, api)),
        }
        self.write_kubeconfig("admin", Some("system:masters"), "kubeconfig.yaml").map(drop)
    }

    /// What tells this cluster from others; its kubeconfig context is `slipway-<id>`.
    pub fn id(&self) -> &str {
        &self.settings().id
    }

    /// Where everything of this cluster is kept.
    pub fn data_dir(&self) -> &Path {
        &self.settings().data
    }

    /// The administrator's kubeconfig, for programs on the host.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.settings().path("kubeconfig.yaml")
    }

    /// A kubeconfig on the host for another user, who has the rights that RBAC gives them, or their group.
    pub fn kubeconfig_for(&self, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let file = format!("kubeconfigs/{}.yaml", user.replace([':', '/'], "-"));
        self.write_kubeconfig(user, group, &file)
    }

    /// The administrator's kubeconfig for processes inside the node's network.
    pub fn kubeconfig_inside(&self) -> Result<PathBuf> {
        kubeconfig::write_inside(self.settings(), &self.starter.authority, "admin", Some("system:masters"))
    }

    /// A client with the administrator's rights.
    pub async fn client(&self) -> Result<kube::Client> {
        let path = self.kubeconfig_path();
        kubeconfig::client(&fs::read_to_string(&path).map_err(Error::file("read", &path))?).await
    }

    /// kubectl of the cluster's version (in the fast mode it may not be built: `slipway-cluster build` does).
    pub fn kubectl_path(&self) -> PathBuf {
        self.cache.kubectl()
    }

    /// The registry on the host, over plain HTTP; the fast mode has none.
    pub fn registry_address(&self) -> Option<SocketAddr> {
        self.published(REGISTRY)
    }

    /// The address of a published name on the host.
    pub fn published(&self, name: &str) -> Option<SocketAddr> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// Makes an address inside answer on the host until the cluster ends.
    pub fn publish(&self, publish: &Publish) -> Result<SocketAddr> {
        let address = forward::open(publish, self.runtime()?.handle())?;
        Ok(self.remember(&publish.name, address))
    }

    /// The address that processes inside listen on, and that `*.slipway.test` means.
    pub fn node_address(&self) -> IpAddr {
        self.settings().node_address().into()
    }

    /// The node's name in Kubernetes.
    pub fn node_name(&self) -> &'static str {
        NODE_NAME
    }

    /// Runs a command inside the node's namespaces to its end; a failure of the command is in its status.
    pub async fn exec_inside(&self, command: &[&str]) -> Result<std::process::Output> {
        self.starter.run(command).await
    }

    /// Starts a long-running command inside, and waits until it is ready.
    pub async fn start_inside(&self, process: Process) -> Result<()> {
        let starter = self.starter.clone();
        self.inside("start a process", Box::pin(async move { starter.process(process).await })).await
    }

    /// Imports an image archive (docker or OCI format) into the node.
    pub async fn import_image(&self, archive: &Path) -> Result<()> {
        self.starter.import(archive).await
    }

    /// The record of every write request: one JSON object per line, with user and object.
    pub fn audit_log_path(&self) -> PathBuf {
        self.settings().path(AUDIT_LOG)
    }

    /// Where a part's output goes.
    pub fn log_path(&self, part: &str) -> PathBuf {
        self.settings().log(part)
    }

    /// Waits for a part to end, which none should.
    pub async fn ended(&self) -> Ended {
        first_end(&mut self.ended.clone()).await
    }

    /// Ends the cluster and returns when nothing of it is left. Dropping it does the same and tells nothing.
    pub async fn stop(mut self) -> Result<()> {
        match self.standing.take() {
            Some(standing) => blocking("end the cluster", || standing.end()).await?,
            None => Ok(()),
        }
    }

    fn settings(&self) -> &Settings {
        &self.starter.settings
    }

    fn runtime(&self) -> Result<&Runtime> {
        let lost = Error::Thread { attempt: "use a cluster that has ended" };
        self.standing.as_ref().map(|standing| &standing.runtime).ok_or(lost)
    }

    /// Runs a task on the threads in the node's network.
    async fn inside<T: Send + 'static>(
        &self,
        attempt: &'static str,
        task: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.runtime()?.spawn(task).await.map_err(|_| Error::Thread { attempt })?
    }

    fn remember(&self, name: &str, address: SocketAddr) -> SocketAddr {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), address);
        address
    }

    fn write_kubeconfig(&self, user: &str, group: Option<&str>, file: &str) -> Result<PathBuf> {
        let lost = || Error::Thread { attempt: "publish the API server" };
        let server = format!("https://{}", self.published(API).ok_or_else(lost)?);
        let authority = &self.starter.authority;
        let identity = authority.client(user, group)?;
        let content =
            kubeconfig::render(&self.settings().name(), &server, authority.certificate(), &identity)?;
        self.settings().write(file, &content)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(standing) = self.standing.take() {
            // A thread of its own: the caller may be a task, and tasks may not block.
            drop(std::thread::spawn(|| standing.end()).join());
        }
    }
}

async fn blocking<T: Send + 'static>(
    attempt: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Thread { attempt })
}
