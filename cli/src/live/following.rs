//! One container that follows a working tree, over lost connections and pods that come and go.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};
use slipway_agent::live::WorkingTree;
use slipway_crds::v1alpha1::DevEnvironment;

use super::agent::{self, Reached};
use super::conversation::{Conversation, Ended};
use super::news::{News, Teller};
use super::watch::Watch;
use super::{Followed, How};
use crate::connect::Session;
use crate::exit::Exit;
use crate::pods;

/// Pause before the second attempt to connect; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A container, and the tree that it follows.
pub struct Following {
    program: String,
    environment: String,
    api: Api<Pod>,
    followed: Followed,
    once: bool,
    agent: Option<PathBuf>,
    /// Both are lent to a conversation.
    tree: Option<WorkingTree>,
    watch: Option<Watch>,
    teller: Teller,
}

impl Following {
    /// Nothing is done yet.
    pub fn new(
        session: &Session,
        environment: &DevEnvironment,
        api: Api<Pod>,
        followed: Followed,
        how: &How,
        teller: Teller,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            program: session.program.clone(),
            environment: environment.name_any(),
            api,
            tree: Some(WorkingTree::new(&followed.folder)?),
            watch: Some(Watch::new(&followed.folder)),
            followed,
            once: how.once,
            agent: how.agent.clone(),
            teller,
        })
    }

    /// Until once is enough; else for ever.
    pub async fn all(&mut self) -> anyhow::Result<Exit> {
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
            if !has_worked || self.once {
                return Err(why);
            }
            let why = crate::api_error::told(&why);
            if told.as_ref() != Some(&why) {
                told = Some(why.clone());
                self.teller.say(News::Lost { why, again: pause });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection, to its end.
    async fn once(&mut self) -> anyhow::Result<Ended> {
        let Followed { service, role, folder, mount, task, .. } = &self.followed;
        let all = pods::list(&self.api).await?;
        let hint = format!("\n  look closer: {} status {}", self.program, self.environment);
        let (pod, container) = pods::choose(&all, service, role.as_deref())
            .map_err(|problem| anyhow::anyhow!("{problem}{hint}"))?;
        let place = agent::Place { api: &self.api, pod: &pod, container: &container };
        let connection = agent::reach(&place, task, self.agent.as_deref(), &self.program).await?;
        let mount = mount.display().to_string();
        self.teller.say(News::Connected { pod, mount, folder: folder.clone() });
        self.converse(connection).await
    }

    async fn converse(&mut self, connection: Reached) -> anyhow::Result<Ended> {
        let (Some(tree), Some(watch)) = (self.tree.take(), self.watch.take()) else {
            anyhow::bail!("the last connection has not ended yet");
        };
        let conversation = Conversation {
            sender: connection.sender,
            tree,
            watch,
            teller: self.teller.clone(),
            afterwards: self.followed.afterwards.clone(),
            once: self.once,
            problems: (true, Vec::new()),
        };
        let (ended, tree, watch) = tokio::task::spawn_blocking(move || conversation.hold()).await?;
        self.tree = Some(tree);
        self.watch = Some(watch);
        let said = connection.pump.finish().await;
        // What a provisioner wrote beside its result explains no lost connection.
        Ok(if self.followed.task == agent::Task::SyncOps { ended } else { ended.explained(said) })
    }
}
