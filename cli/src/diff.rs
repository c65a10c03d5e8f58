//! `slipway diff`: what a `GitSync` would do with a folder, or with a commit, before it does.

use kube::ResourceExt as _;
use kube::api::ListParams;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::preview::{Preview, Question};

use crate::api_error::Attempted as _;
use crate::args::{Diff, Format};
use crate::ask::Operator;
use crate::connect::Session;
use crate::exit::{Exit, Usage};
use crate::folder;
use crate::output::{Output, objects, preview};

/// Compares.
pub async fn run(session: &Session, arguments: &Diff, output: &mut Output) -> anyhow::Result<Exit> {
    let sync = sync(session, arguments.gitsync.as_deref()).await?;
    let mut question = Question { commit: arguments.commit.clone(), ..Question::default() };
    if question.commit.is_none() {
        let below = sync.spec.path.as_deref().unwrap_or_default();
        question.files = Some(folder::read(&arguments.path, below)?);
    }
    question.object = asked(sync)?;
    let told = Operator::of(session).await?.ask(&question).await?;
    match arguments.printed.format {
        Format::Text => write!(output.stdout, "{}", preview::text(&told, output.colours))?,
        format => objects::write(&mut *output.stdout, format, &told)?,
    }
    Ok(verdict(&told))
}

/// The object as it is sent: the operator knows the rest.
fn asked(mut sync: GitSync) -> anyhow::Result<serde_json::Value> {
    sync.metadata.managed_fields = None;
    sync.status = None;
    Ok(serde_json::to_value(sync)?)
}

/// As `diff` and `kubectl diff` end. What would be refused is trouble, whatever else would change.
fn verdict(told: &Preview) -> Exit {
    match (told.is_possible(), told.is_empty()) {
        (false, _) => Exit::Undecided,
        (true, false) => Exit::Failed,
        (true, true) => Exit::Done,
    }
}

/// The one of that name, or the only one.
async fn sync(session: &Session, name: Option<&str>) -> anyhow::Result<GitSync> {
    let all = session.in_namespace::<GitSync>().list(&ListParams::default()).await;
    let mut all = all.attempted("list the GitSyncs")?.items;
    let names = all.iter().map(kube::ResourceExt::name_any).collect::<Vec<_>>().join(", ");
    if let Some(name) = name {
        let found = all.into_iter().find(|sync| sync.name_any() == name);
        let missing = || {
            Usage(format!(
                "there is no GitSync {name} in namespace {}; there are: {names}",
                session.namespace
            ))
        };
        return Ok(found.ok_or_else(missing)?);
    }
    match all.len() {
        1 => Ok(all.remove(0)),
        0 => Err(Usage(format!("there is no GitSync in namespace {}", session.namespace)).into()),
        _ => Err(Usage(format!("there are several GitSyncs: name one with --gitsync: {names}")).into()),
    }
}
