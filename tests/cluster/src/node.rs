//! The node: its parts, and the order in which they start.

mod apiserver;
mod base;
mod containerd;
mod controller_manager;
mod dns;
mod etcd;
mod kubelet;
mod policies;
mod proxy;
pub(crate) mod registry;
mod scheduler;

use std::path::Path;
use std::sync::Arc;

use crate::cache::Program;
use crate::certificates::Authority;
use crate::command::{checked, spelled};
use crate::error::{Error, Result};
use crate::health::Health;
use crate::image;
use crate::kubeconfig;
use crate::namespaces::Namespaces;
use crate::options::{Mode, Process};
use crate::part::{EndedSender, Part, Running, inside, start};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::volumes;

pub(crate) use apiserver::AUDIT_LOG;

/// What starting a part takes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Starter {
    pub(crate) settings: Arc<Settings>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) ended: EndedSender,
    pub(crate) progress: Progress,
}

impl Starter {
    /// Starts everything of the mode, and returns when pods can be created (in the fast mode: objects).
    ///
    /// To be awaited in the node's network.
    pub(crate) async fn bring_up(self, processes: Vec<Process>) -> Result<()> {
        match self.settings.mode {
            Mode::Full => Box::pin(self.bring_up_node(processes)).await,
            Mode::Fast => {
                self.extras(processes).await?;
                let client = self.control_plane().await?;
                self.controllers(&client).await
            }
        }
    }

    /// Images do not wait for Kubernetes, and Kubernetes not for images.
    async fn bring_up_node(&self, processes: Vec<Process>) -> Result<()> {
        let (client, (), (), ()) = futures::try_join!(
            self.control_plane(),
            self.containers(),
            self.registry(),
            self.extras(processes)
        )?;
        self.volumes().await?;
        futures::try_join!(
            self.kubelet(&client),
            self.controllers(&client),
            self.scheduler(),
            self.proxy(),
            self.dns(&client)
        )?;
        // It looks for its node.
        if self.settings.network_policies { self.policies().await } else { Ok(()) }
    }

    /// etcd and the API server; they start together, the second waits for the first by itself.
    async fn control_plane(&self) -> Result<kube::Client> {
        let health = Health::ListensOn(etcd::socket(&self.settings));
        let etcd = self.part(etcd::part(&self.settings), health);
        let api = async {
            let user = self.authority.client("slipway-cluster", Some("system:masters"))?;
            let part = apiserver::part(&self.settings, &self.authority)?;
            let access = kubeconfig::render(
                &self.settings.name(),
                &self.settings.api_url(),
                self.authority.certificate(),
                &user,
            )?;
            let client = kubeconfig::client(&access).await?;
            self.part(part, Health::ApiReady(client.clone())).await?;
            Ok(client)
        };
        let ((), client) = futures::try_join!(etcd, api)?;
        Ok(client)
    }

    async fn controllers(&self, client: &kube::Client) -> Result<()> {
        let part = controller_manager::part(&self.settings, &self.authority)?;
        self.part(part, Health::AccountExists(client.clone())).await
    }

    async fn containers(&self) -> Result<()> {
        let health = Health::ListensOn(containerd::socket(&self.settings));
        self.part(containerd::part(&self.settings)?, health).await?;
        let archive = self.settings.path("pause.tar");
        let keeper = self.settings.cache.program(Program::Keeper);
        let keeper = std::fs::read(&keeper).map_err(Error::file("read", &keeper))?;
        image::write_archive(
            &archive,
            containerd::PAUSE_IMAGE,
            &[("keeper", &keeper)],
            &["/keeper", "pause"],
        )?;
        self.import(&archive).await
    }

    /// Imports an image archive into the node's containerd.
    pub(crate) async fn import(&self, archive: &Path) -> Result<()> {
        let archive = archive.to_string_lossy();
        let words = ["ctr", "--namespace", "k8s.io", "images", "import", &archive];
        let output = self.run(&words).await?;
        checked(&words.join(" "), output).map(drop)
    }

    /// Runs a command inside to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Result<std::process::Output> {
        let [program, arguments @ ..] = words else {
            return Err(Error::Options { reason: "an empty command cannot run inside".into() });
        };
        let mut command = inside(&self.settings, Path::new(program));
        command.args(arguments).stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let name = spelled(&command);
        let child = self.namespaces.spawn(command)?;
        let waited = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
        let failed = |source| Error::Start { command: name, source };
        waited.map_err(std::io::Error::other).and_then(|output| output).map_err(failed)
    }

    async fn registry(&self) -> Result<()> {
        let part = registry::part(&self.settings)?;
        self.part(part, Health::Answers(registry::ADDRESS, "/v2/")).await
    }

    async fn kubelet(&self, client: &kube::Client) -> Result<()> {
        let part = kubelet::part(&self.settings, &self.authority)?;
        self.part(part, Health::NodeReady(client.clone())).await
    }

    async fn scheduler(&self) -> Result<()> {
        let part = scheduler::part(&self.settings, &self.authority)?;
        self.part(part, Health::Listens(scheduler::ADDRESS)).await
    }

    async fn proxy(&self) -> Result<()> {
        let part = proxy::part(&self.settings, &self.authority)?;
        self.part(part, Health::Answers(proxy::HEALTH, "/healthz")).await
    }

    async fn policies(&self) -> Result<()> {
        let part = policies::part(&self.settings, &self.authority)?;
        self.part(part, Health::Listens(policies::READY)).await
    }

    async fn dns(&self, client: &kube::Client) -> Result<()> {
        base::create(client).await?;
        let part = dns::part(&self.settings, &self.authority)?;
        self.part(part, Health::Answers(dns::READY, "/ready")).await
    }

    /// Not a process: a controller on this process's threads.
    async fn volumes(&self) -> Result<()> {
        let user = self.authority.client("slipway-volumes", Some("system:masters"))?;
        let authority = self.authority.certificate();
        let access = kubeconfig::render(&self.settings.name(), &self.settings.api_url(), authority, &user)?;
        let client = kubeconfig::client(&access).await?;
        tokio::spawn(volumes::run(client, self.settings.folder("volumes")?));
        Ok(())
    }

    async fn extras(&self, processes: Vec<Process>) -> Result<()> {
        futures::future::try_join_all(processes.into_iter().map(|process| self.process(process))).await?;
        Ok(())
    }

    /// Starts a command of the caller's.
    pub(crate) async fn process(&self, process: Process) -> Result<()> {
        let [program, arguments @ ..] = process.command.as_slice() else {
            return Err(Error::Options { reason: format!("the process {} has no command", process.name) });
        };
        let mut part = Part::new(&process.name, program).arguments(arguments.iter().cloned());
        part.environment = process.environment;
        match process.ready {
            Some(address) => self.part(part, Health::Listens(address)).await,
            None => self.start(part).map(drop),
        }
    }

    /// Starts a part, waits for its health, and says how long that took.
    async fn part(&self, part: Part, health: Health) -> Result<()> {
        let step = self.progress.step(&part.name);
        self.start(part)?.healthy(health).await?;
        step.done();
        Ok(())
    }

    fn start(&self, part: Part) -> Result<Running> {
        start(&self.settings, &self.namespaces, part, &self.ended)
    }
}
