//! Everything that is known when a `GitSync` is decided on.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::files::{self, File, Home, Reading};
use slipway_plan::gitsync::kinds::Kinds;
use slipway_plan::gitsync::report::{Applied, Attempt};
use slipway_plan::gitsync::source::{Failure, Fetched};

use super::act::Done;
use super::look;
use super::see::Seen;
use crate::context::Context;
use crate::git::{Content, GitError, TreeFile};

/// What is known.
pub struct Gathered {
    /// What the repository gave.
    pub fetched: Fetched,
    /// The commit that was applied before and is no longer part of the branch.
    pub rewritten: Option<String>,
    /// What the files say, when a revision could be read.
    pub reading: Option<Arc<Reading>>,
    /// What is there, and with whose rights.
    pub seen: Seen,
    /// When the repository is asked again.
    pub next: Timestamp,
}

/// What was read at a commit, remembered: most reconciles are about objects, not about files.
#[derive(Clone, Debug)]
pub struct Known {
    revision: CommitId,
    generation: Option<i64>,
    kinds: Kinds,
    reading: Arc<Reading>,
}

impl Gathered {
    /// What the status is computed from.
    pub fn attempt<'a>(&'a self, sync: &'a GitSync, done: Option<&'a Done>) -> Attempt<'a> {
        let applied = self.reading.as_ref().zip(done).map(|(reading, done)| Applied {
            reading,
            observed: &self.seen.observed,
            decision: &done.decision,
            outcome: &done.outcome,
        });
        Attempt { sync, fetched: &self.fetched, rewritten: self.rewritten.as_deref(), applied }
    }
}

/// Looks at the repository when it is time to, and reads the files of the commit to apply.
pub async fn gather(context: &Context, sync: &GitSync, seen: Seen, now: Timestamp) -> Gathered {
    let kinds = &seen.kinds;
    let look = look::look(context, sync, now).await;
    let (fetched, reading) = match look.head {
        Ok(head) => match read(context, sync, &head, kinds).await {
            Ok(reading) => (Fetched::Head(head), Some(reading)),
            Err(error) => fall_back(context, sync, Failure::from(&error), kinds).await,
        },
        Err(failure) => fall_back(context, sync, failure, kinds).await,
    };
    Gathered { fetched, rewritten: look.rewritten, reading, seen, next: look.poll.next }
}

/// The commit that was tried last goes on being applied, when it can still be read.
async fn fall_back(
    context: &Context,
    sync: &GitSync,
    failure: Failure,
    kinds: &Kinds,
) -> (Fetched, Option<Arc<Reading>>) {
    let last = sync.status.as_ref().and_then(|status| status.last_attempted_revision.as_ref());
    if let Some(last) = last.and_then(|last| last.parse().ok())
        && let Ok(reading) = read(context, sync, &last, kinds).await
    {
        return (Fetched::Failed { failure, last: Some(last) }, Some(reading));
    }
    (Fetched::Failed { failure, last: None }, None)
}

async fn read(
    context: &Context,
    sync: &GitSync,
    revision: &CommitId,
    kinds: &Kinds,
) -> Result<Arc<Reading>, GitError> {
    let id = sync.uid().unwrap_or_default();
    let generation = sync.metadata.generation;
    if let Some(known) = context.known_files.get(&id)
        && (&known.revision, known.generation, &known.kinds) == (revision, generation, kinds)
    {
        return Ok(known.reading);
    }
    let (namespace, name) = (sync.namespace().unwrap_or_default(), sync.name_any());
    let files = self::files(context, sync, revision).await?;
    let home = Home { namespace: &namespace, name: &name, uid: &id, kinds };
    let reading = Arc::new(files::read(&files, &home));
    let (revision, kinds) = (revision.clone(), kinds.clone());
    let known = Known { revision, generation, kinds, reading: Arc::clone(&reading) };
    context.known_files.set(&id, Some(known));
    Ok(reading)
}

/// The files of a commit that is in the mirror.
pub(super) async fn files(
    context: &Context,
    sync: &GitSync,
    revision: &CommitId,
) -> Result<Vec<File>, GitError> {
    let mirror = look::mirrored(sync)?;
    let path = sync.spec.path.as_deref().unwrap_or_default();
    let tree = context.git.read_tree(&mirror, revision, path, files::is_manifest).await?;
    Ok(tree.into_iter().map(file).collect())
}

fn file(file: TreeFile) -> File {
    let content = match file.content {
        Content::Bytes(bytes) => files::Content::Bytes(bytes),
        Content::TooLarge(size) => files::Content::TooLarge(size),
    };
    File { path: file.path, content }
}
