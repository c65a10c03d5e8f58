//! What a `GitSync` would do with the commit it follows, with another commit, or with the files of a folder.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use slipway_crds::names;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::decide::{Facts, decide};
use slipway_plan::gitsync::files::{File, Reading};
use slipway_plan::gitsync::poll;
use slipway_plan::gitsync::preview::preview;
use slipway_plan::gitsync::source::Followed;
use slipway_plan::preview::{Preview, SentFile};

use super::refusal::Refusal;
use super::rehearse;
use crate::context::{self, Context};
use crate::reconcile::gitsync::{self, Sight};

/// What is to be applied.
struct Wanted {
    /// For people.
    of: String,
    revision: CommitId,
    is_rewritten: bool,
    reading: Arc<Reading>,
}

/// What the `GitSync` would do if it looked now.
pub async fn plan(
    context: &Context,
    mut sync: GitSync,
    commit: Option<String>,
    files: Option<Vec<SentFile>>,
) -> Result<Preview, Refusal> {
    let namespace = sync.namespace().unwrap_or_default();
    let known = context.stores.syncs.get(&ObjectRef::new(&sync.name_any()).within(&namespace));
    let is_there = known.as_ref().is_some_and(|known| {
        (&known.spec.url, &known.spec.credentials) == (&sync.spec.url, &sync.spec.credentials)
    });
    sync.status = known.as_ref().and_then(|known| known.status.clone());
    sync.metadata.uid = known.as_ref().and_then(|known| known.metadata.uid.clone());
    let name = format!("GitSync {namespace}/{}", sync.name_any());
    let rights = |sync: &GitSync| (sync.spec.service_account_name.clone(), sync.spec.allowed_kinds.clone());
    if sync.spec.service_account_name.is_some() && known.as_deref().map(rights) != Some(rights(&sync)) {
        return Ok(unused(name));
    }
    let wanted = match files {
        Some(files) => of_files(&sync, &name, files),
        // What is not there yet would have the operator contact any place, with any Secret of the namespace.
        None if !is_there => return Ok(unread(name)),
        None => match of_commit(context, &sync, &name, commit.as_deref()).await {
            Ok(wanted) => wanted,
            Err(problem) => return Ok(Preview { of: name, problems: vec![problem], ..Preview::default() }),
        },
    };
    let mut told = foreseen(context, &sync, &wanted).await?;
    told.waits.extend(pauses(&sync));
    Ok(told)
}

fn unread(of: String) -> Preview {
    let wait = "its repository: it is not read before this is applied; `slipway diff FOLDER` tells what its files would do";
    Preview { of, waits: vec![wait.to_owned()], ..Preview::default() }
}

/// Who asks what would be need not be who may let it be.
fn unused(of: String) -> Preview {
    let wait = "its service account: no account is used, and for no other kinds, before this is applied";
    Preview { of, waits: vec![wait.to_owned()], ..Preview::default() }
}

fn of_files(sync: &GitSync, name: &str, files: Vec<SentFile>) -> Wanted {
    let files: Vec<File> = files.into_iter().map(File::from).collect();
    let reading = Arc::new(gitsync::reading(sync, &files));
    Wanted {
        of: format!("{name}, {} files", files.len()),
        revision: CommitId::none(),
        is_rewritten: false,
        reading,
    }
}

async fn of_commit(
    context: &Context,
    sync: &GitSync,
    name: &str,
    commit: Option<&str>,
) -> Result<Wanted, String> {
    let (revision, rewritten) =
        gitsync::find(context, sync, commit).await.map_err(|error| error.to_string())?;
    let reading = gitsync::read_at(context, sync, &revision).await.map_err(|error| error.to_string())?;
    let followed = commit.map_or_else(|| Followed::of(&sync.spec).to_string(), str::to_owned);
    let of = format!("{name}, {followed} at {}", revision.short());
    Ok(Wanted { of, revision, is_rewritten: rewritten, reading: Arc::new(reading) })
}

async fn foreseen(context: &Context, sync: &GitSync, wanted: &Wanted) -> Result<Preview, Refusal> {
    let Wanted { of, revision, is_rewritten, reading } = wanted;
    let seen = match gitsync::see(context, sync).await {
        Ok(Sight::Seen(seen)) => seen,
        Ok(Sight::Old) | Err(_) => return Err(Refusal::Behind),
        Ok(Sight::Hindered(failure)) => {
            return Ok(Preview { of: of.clone(), problems: vec![failure.message], ..Preview::default() });
        }
    };
    let facts = Facts {
        sync,
        revision,
        is_current: true,
        is_rewritten: *is_rewritten,
        reading,
        observed: &seen.observed,
        settled: &context.settled.get(&sync.uid().unwrap_or_default()),
    };
    let decision = decide(&facts);
    let client = context.foreign.client(&seen.account);
    let rehearsals = rehearse::all(&client, names::GITSYNC_MANAGER, &decision.plan.steps).await;
    Ok(preview(of.clone(), &facts, &decision, &rehearsals))
}

fn pauses(sync: &GitSync) -> Vec<String> {
    let mut pauses = Vec::new();
    if let Some(suspension) = poll::suspension(sync, context::now()) {
        pauses.push(format!("the end of its pause: {}", suspension.reason));
    }
    if sync.metadata.deletion_timestamp.is_some() {
        pauses.push("nothing any more: the GitSync is being deleted".to_owned());
    }
    pauses
}
