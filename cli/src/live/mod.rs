//! `slipway sync`, `slipway start --live` and `--live-ops`: containers follow a working tree.

mod agent;
mod connection;
mod conversation;
mod following;
mod news;
mod ops;
mod provisioned;
mod source;
mod watch;

use std::path::PathBuf;

use futures::future::{join_all, try_join_all};
use slipway_agent::live::SyncOrder;
use slipway_crds::v1alpha1::DevEnvironment;
use tokio::sync::mpsc;

use crate::args::{Format, Sync};
use crate::connect::Session;
use crate::environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::pods;
use agent::Task;
use conversation::Afterwards;
use following::Following;
use news::{News, Teller, Telling};

pub use ops::OpsTree;
pub use source::Source;

/// How it is mirrored.
#[derive(Debug, Default)]
pub struct How {
    /// Which role of the service; unset: the one that serves. Of an ops repository: all of them.
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

/// A container that follows a working tree.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Followed {
    service: String,
    /// Unset: the one that serves.
    role: Option<String>,
    /// Here.
    folder: PathBuf,
    /// There.
    mount: PathBuf,
    /// The agent's part.
    task: Task,
    afterwards: Afterwards,
}

/// Mirrors a working tree.
pub async fn run(session: &Session, arguments: &Sync, output: &mut Output) -> anyhow::Result<Exit> {
    let how = How {
        role: arguments.role.clone(),
        once: arguments.once,
        no_reload: arguments.no_reload,
        agent: arguments.agent.clone(),
        format: arguments.printed.format,
    };
    let named = arguments.within.env.as_deref();
    if let Some(path) = &arguments.ops {
        let tree = OpsTree::read(path)?;
        tree.refuse_fleet(session).await?;
        let environment = environment::find_or_guess(session, named).await?;
        return follow_ops(session, &environment, &tree, &arguments.words, how, output).await;
    }
    let (service, path) = arguments.service_and_path()?;
    let source = Source::read(&path)?;
    source.refuse_other(&service)?;
    let environment = environment::find_or_guess(session, named).await?;
    follow_code(session, &environment, source, how, output).await
}

/// Mirrors a service's code until Ctrl-C, over lost connections and pods that come and go.
pub async fn follow_code(
    session: &Session,
    environment: &DevEnvironment,
    source: Source,
    how: How,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let service = source.service;
    environment::refuse_unknown(environment, std::slice::from_ref(&service), &[], &session.program)?;
    let reload = source.reload.filter(|_| !how.no_reload);
    let followed = Followed {
        service,
        role: how.role.clone(),
        folder: source.folder,
        task: Task::Sync(SyncOrder::new(&source.mount)),
        mount: source.mount.into(),
        afterwards: reload.map_or(Afterwards::Nothing, Afterwards::Reload),
    };
    follow(session, environment, vec![followed], how, output).await
}

/// Mirrors an ops repository into services that are built, all of them when none is named, and provisions them.
pub async fn follow_ops(
    session: &Session,
    environment: &DevEnvironment,
    tree: &OpsTree,
    services: &[String],
    how: How,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let all = ops::followed(session, environment, tree, services, how.role.as_deref()).await?;
    follow(session, environment, all, how, output).await
}

async fn follow(
    session: &Session,
    environment: &DevEnvironment,
    targets: Vec<Followed>,
    how: How,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let api = pods::api(session, environment)?;
    let (sender, mut news) = mpsc::unbounded_channel();
    let (mut tellings, mut followings) = (Vec::new(), Vec::new());
    let once = how.once;
    for (place, followed) in targets.into_iter().enumerate() {
        tellings.push(Telling::new(&followed, environment, how.format));
        let teller = Teller { place, sender: sender.clone() };
        followings.push(Following::new(session, environment, api.clone(), followed, &how, teller)?);
    }
    drop(sender);
    let ended = tokio::select! {
        ended = all(&mut followings, once) => ended,
        told = tell(&mut news, &tellings, output) => told.map(|()| Exit::Done),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok(if once { Exit::Interrupted } else { Exit::Done })
        }
    };
    while let Ok((place, news)) = news.try_recv() {
        tell_one(place, &news, &tellings, output)?;
    }
    ended
}

/// The worst of their ends. Where the others go on for ever, one that cannot begin ends all.
async fn all(followings: &mut [Following], once: bool) -> anyhow::Result<Exit> {
    let each = followings.iter_mut().map(Following::all);
    let ends: Vec<_> = if once {
        join_all(each).await.into_iter().collect::<anyhow::Result<_>>()?
    } else {
        try_join_all(each).await?
    };
    Ok(ends.into_iter().find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done))
}

/// Tells what happens, as long as somebody listens.
async fn tell(
    news: &mut mpsc::UnboundedReceiver<(usize, News)>,
    tellings: &[Telling],
    output: &mut Output,
) -> anyhow::Result<()> {
    while let Some((place, news)) = news.recv().await {
        tell_one(place, &news, tellings, output)?;
    }
    // All that is left is the end, which says more.
    std::future::pending().await
}

fn tell_one(place: usize, news: &News, tellings: &[Telling], output: &mut Output) -> anyhow::Result<()> {
    tellings.get(place).map_or(Ok(()), |telling| telling.tell(news, output))
}
