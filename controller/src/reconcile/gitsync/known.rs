//! What the files of a `GitSync` say, remembered: most reconciles are about objects, not about files, and most commits change
//! few of them.

use std::sync::Arc;

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::files::{self, File, Home, Reading};
use slipway_plan::gitsync::kinds::Kinds;

use super::look;
use crate::context::Context;
use crate::git::{Content, GitError, Remote, Snapshot, TreeFile};
use crate::looked::Known;

/// What the files say at a commit: as remembered, by what changed since, or all of them.
pub async fn read(
    context: &Context,
    sync: &GitSync,
    revision: &CommitId,
    kinds: &Kinds,
) -> Result<Arc<Reading>, GitError> {
    let id = sync.uid().unwrap_or_default();
    let generation = sync.metadata.generation;
    let known = context.known_files.get(&id);
    let known = known.filter(|known| known.generation == generation && known.kinds == *kinds);
    if let Some(known) = known.as_ref().filter(|known| known.revision == *revision) {
        return Ok(known.reading.clone());
    }
    let (namespace, name) = (sync.namespace().unwrap_or_default(), sync.name_any());
    let mirror = look::mirrored(sync)?;
    let path = sync.spec.path.as_deref().unwrap_or_default();
    let home = Home { namespace: &namespace, name: &name, uid: &id, kinds };
    let news = match known {
        Some(known) => read_changes(context, &mirror, known, revision, &home).await?,
        None => None,
    };
    let (snapshot, reading) = match news {
        Some(news) => news,
        None => read_all(context, &mirror, revision, path, &home).await?,
    };
    let (snapshot, reading) = (Arc::new(snapshot), Arc::new(reading));
    let (revision, kinds, read) = (revision.clone(), kinds.clone(), reading.clone());
    context.known_files.set(&id, Some(Known { revision, generation, kinds, snapshot, reading }));
    Ok(read)
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

async fn read_changes(
    context: &Context,
    mirror: &Remote,
    known: Known,
    revision: &CommitId,
    home: &Home<'_>,
) -> Result<Option<(Snapshot, Reading)>, GitError> {
    let changes = context.git.read_changes(mirror, &known.snapshot, revision, files::is_manifest).await?;
    let Some(changes) = changes else { return Ok(None) };
    let files: Vec<File> = changes.files.into_iter().map(file).collect();
    // Nobody else holds it then, and it is changed where it is.
    context.known_files.forget(home.uid);
    let before = Arc::unwrap_or_clone(known.reading);
    let reading = files::read_changes(before, &files, &changes.gone, home);
    Ok(reading.map(|reading| (changes.snapshot, reading)))
}

async fn read_all(
    context: &Context,
    mirror: &Remote,
    revision: &CommitId,
    path: &str,
    home: &Home<'_>,
) -> Result<(Snapshot, Reading), GitError> {
    let tree = context.git.read_tree(mirror, revision, path, files::is_manifest).await?;
    let snapshot = Snapshot::of(revision, path, &tree);
    let files: Vec<File> = tree.into_iter().map(file).collect();
    Ok((snapshot, files::read(&files, home)))
}

fn file(file: TreeFile) -> File {
    let content = match file.content {
        Content::Bytes(bytes) => files::Content::Bytes(bytes),
        Content::TooLarge(size) => files::Content::TooLarge(size),
    };
    File { path: file.path, content }
}
