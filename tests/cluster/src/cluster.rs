//! A running cluster, and the way there and back.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sched::CloneFlags;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::cache::{Cache, Program};
use crate::certificates::Authority;
use crate::cgroup;
use crate::error::{Error, Result};
use crate::forward;
use crate::janitor::Janitor;
use crate::kubeconfig;
use crate::mounts;
use crate::namespaces::Namespaces;
use crate::network;
use crate::node::{AUDIT_LOG, Starter, registry};
use crate::options::{Mode, Options, Process, Publish};
use crate::part::{Ended, first_end};
use crate::precheck;
use crate::settings::{NODE_NAME, Settings, check_data_path};

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
        let settings = Arc::new(settle(options, &cache)?);
        let keeper = cache.program(Program::Keeper);
        let temporary = options.data_dir.is_none().then_some(settings.data.as_path());
        let janitor = Janitor::start(&keeper, &settings.name(), temporary)?;
        let authority = Arc::new(Authority::create(settings.path("certificates"))?);
        let namespaces = Arc::new(enter(&settings, &keeper)?);
        let runtime = namespaces.runtime(settings.mode == Mode::Full)?;
        let (sender, ended) = watch::channel(None);
        let starter = Starter {
            settings,
            authority,
            namespaces: namespaces.clone(),
            ended: sender,
            progress: options.progress,
        };
        let standing = Some(Standing { runtime, namespaces, janitor });
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

/// Decides what the options leave open and makes the data directory.
fn settle(options: &Options, cache: &Cache) -> Result<Settings> {
    let id = format!("{:06x}", rand::random::<u32>() & 0x00ff_ffff);
    let data = options.data_dir.clone().unwrap_or_else(|| cache.clusters().join(&id));
    check_data_path(&data)?;
    fs::create_dir_all(&data).map_err(Error::file("create", &data))?;
    let data = data.canonicalize().map_err(Error::file("find", &data))?;
    check_data_path(&data)?;
    if fs::read_dir(&data).map_err(Error::file("list", &data))?.next().is_some() {
        let reason = format!("the data directory {} is not empty; name another", data.display());
        return Err(Error::Options { reason });
    }
    Ok(Settings {
        id,
        mode: options.mode,
        cache: cache.clone(),
        data,
        cgroup: cgroup::Version::detect().unwrap_or(cgroup::Version::Two),
        api_port: api_port(options.mode)?,
        audit: options.audit,
        extra_hosts: options.extra_hosts.clone(),
    })
}

/// A node has its network to itself; without one, a port that is free just now.
fn api_port(mode: Mode) -> Result<u16> {
    if mode == Mode::Full {
        return Ok(API_PORT);
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let failed = |source| Error::Listen { name: API.into(), address, source };
    Ok(TcpListener::bind(address).and_then(|listener| listener.local_addr()).map_err(failed)?.port())
}

/// Makes the namespaces of the mode and everything in them that is not a process.
fn enter(settings: &Arc<Settings>, keeper: &Path) -> Result<Namespaces> {
    if settings.mode == Mode::Fast {
        return Namespaces::create(CloneFlags::empty(), keeper);
    }
    let etc = settings.path("etc");
    let resolver = format!("nameserver {}\n", network::NODE);
    mounts::write_etc(&etc, &hosts(settings), &resolver)?;
    if settings.cgroup == cgroup::Version::Two {
        cgroup::create_unified(&settings.name())?;
    }
    let flags = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let namespaces = Namespaces::create(flags, keeper)?;
    let settings = settings.clone();
    namespaces.run(move || {
        if settings.cgroup == cgroup::Version::One {
            cgroup::join_calling_thread(&settings.name())?;
        }
        nix::unistd::sethostname(NODE_NAME).map_err(Error::kernel("name the node"))?;
        mounts::set_up(&settings.data, &settings.path("etc"))?;
        network::set_up()
    })??;
    Ok(namespaces)
}

fn hosts(settings: &Settings) -> String {
    let names: Vec<&str> = settings.domains().chain([NODE_NAME, "registry.slipway.test"]).collect();
    format!("127.0.0.1 localhost\n{} {}\n", network::NODE, names.join(" "))
}
