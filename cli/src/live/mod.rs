//! `slipway sync`, and `slipway start --live`: a service's container follows a working tree.

mod agent;
mod connection;
mod conversation;
mod news;
mod source;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};
use slipway_agent::live::{SyncOrder, WorkingTree};
use slipway_crds::v1alpha1::DevEnvironment;
use tokio::sync::mpsc;

use crate::args::{Format, Sync};
use crate::connect::Session;
use crate::environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::pods;
use conversation::{Conversation, Ended};
use news::{News, Telling};
use watch::Watch;

pub use source::Source;

/// Pause before the second attempt to connect; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What is mirrored, and how.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The working tree.
    pub source: Source,
    /// Which role of the service; unset: the one that serves.
    pub role: Option<String>,
    /// Only once.
    pub once: bool,
    /// Whether nothing is run afterwards.
    pub no_reload: bool,
    /// The agent for containers that have none.
    pub agent: Option<PathBuf>,
    /// How it is told.
    pub format: Format,
}

/// Mirrors a working tree.
pub async fn run(session: &Session, arguments: &Sync, output: &mut Output) -> anyhow::Result<Exit> {
    let source = Source::read(&arguments.path)?;
    source.refuse_other(&arguments.service)?;
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    let wanted = Wanted {
        source,
        role: arguments.role.clone(),
        once: arguments.once,
        no_reload: arguments.no_reload,
        agent: arguments.agent.clone(),
        format: arguments.printed.format,
    };
    follow(session, &environment, wanted, output).await
}

/// Mirrors it until Ctrl-C, over lost connections and pods that come and go.
pub async fn follow(
    session: &Session,
    environment: &DevEnvironment,
    wanted: Wanted,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let service = wanted.source.service.clone();
    environment::refuse_unknown(environment, std::slice::from_ref(&service), &[], &session.program)?;
    let (api, name) = (pods::api(session, environment)?, environment.name_any());
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let telling = Telling::new(&service, &name, wanted.format);
    let once = wanted.once;
    let mut following = Following {
        program: session.program.clone(),
        name,
        api,
        tree: Some(WorkingTree::new(&wanted.source.folder)?),
        watch: Some(Watch::new(&wanted.source.folder)),
        news: sender,
        wanted,
    };
    let ended = tokio::select! {
        ended = following.all() => ended,
        told = tell(&mut receiver, &telling, output) => told.map(|()| Exit::Done),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok(if once { Exit::Interrupted } else { Exit::Done })
        }
    };
    while let Ok(news) = receiver.try_recv() {
        telling.tell(&news, output)?;
    }
    ended
}

/// Tells what happens, as long as somebody listens.
async fn tell(
    news: &mut mpsc::UnboundedReceiver<News>,
    telling: &Telling,
    output: &mut Output,
) -> anyhow::Result<()> {
    while let Some(news) = news.recv().await {
        telling.tell(&news, output)?;
    }
    // All that is left is the end, which says more.
    std::future::pending().await
}

struct Following {
    program: String,
    name: String,
    api: Api<Pod>,
    wanted: Wanted,
    /// Both are lent to a conversation.
    tree: Option<WorkingTree>,
    watch: Option<Watch>,
    news: mpsc::UnboundedSender<News>,
}

impl Following {
    async fn all(&mut self) -> anyhow::Result<Exit> {
        let (mut pause, mut has_worked, mut told) = (FIRST_PAUSE, false, None);
        loop {
            let why = match self.once().await {
                Ok(Ended { finished: Some(is_good), .. }) => {
                    return Ok(if is_good { Exit::Done } else { Exit::Failed });
                }
                Ok(Ended { error: Some(error), has_synced, .. }) => {
                    if has_synced {
                        (pause, has_worked, told) = (FIRST_PAUSE, true, None);
                    }
                    error
                }
                Ok(_) => continue,
                Err(error) => error,
            };
            if !has_worked || self.wanted.once {
                return Err(why);
            }
            let why = crate::api_error::told(&why);
            if told.as_ref() != Some(&why) {
                told = Some(why.clone());
                drop(self.news.send(News::Lost { why, again: pause }));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection, to its end.
    async fn once(&mut self) -> anyhow::Result<Ended> {
        let service = &self.wanted.source.service;
        let all = pods::list(&self.api).await?;
        let hint = format!("\n  look closer: {} status {}", self.program, self.name);
        let (pod, container) = pods::choose(&all, service, self.wanted.role.as_deref())
            .map_err(|problem| anyhow::anyhow!("{problem}{hint}"))?;
        let order = SyncOrder::new(&self.wanted.source.mount);
        let place = agent::Place { api: &self.api, pod: &pod, container: &container };
        let connection = agent::reach(&place, &order, self.wanted.agent.as_deref()).await?;
        let folder = self.wanted.source.folder.clone();
        drop(self.news.send(News::Connected { pod, mount: self.wanted.source.mount.clone(), folder }));
        self.converse(connection).await
    }

    async fn converse(&mut self, connection: agent::Reached) -> anyhow::Result<Ended> {
        let (Some(tree), Some(watch)) = (self.tree.take(), self.watch.take()) else {
            anyhow::bail!("the last connection has not ended yet");
        };
        let reload = self.wanted.source.reload.clone().filter(|_| !self.wanted.no_reload);
        let news = self.news.clone();
        let conversation = Conversation {
            sender: connection.sender,
            tree,
            watch,
            news,
            reload,
            once: self.wanted.once,
            problems: (true, Vec::new()),
        };
        let (ended, tree, watch) = tokio::task::spawn_blocking(move || conversation.hold()).await?;
        self.tree = Some(tree);
        self.watch = Some(watch);
        let said = connection.pump.finish().await;
        Ok(ended.explained(said))
    }
}
