//! What is known when somebody asks what a `GitSync` would do. Nothing of it is remembered.

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::files::{self, File, Home, Reading};
use slipway_plan::gitsync::kinds::Kinds;
use slipway_plan::gitsync::source::Followed;

use super::{gather, look};
use crate::context::Context;
use crate::git::{GitError, Want};
use crate::reconcile::service_repo;

/// The commit that the server has now for what is followed, or for that branch, tag or commit; and whether history was rewritten.
pub async fn find(
    context: &Context,
    sync: &GitSync,
    reference: Option<&str>,
) -> Result<(CommitId, bool), GitError> {
    let Some(reference) = reference else {
        return look::ask(context, sync).await.map(|(head, rewritten)| (head, rewritten.is_some()));
    };
    let namespace = sync.namespace().unwrap_or_default();
    let spec = &sync.spec;
    let remote = service_repo::remote(context, &namespace, &spec.url, spec.credentials.as_ref()).await?;
    let refs = context.git.refs(&remote).await?;
    for named in [Followed::Branch(reference.to_owned()), Followed::Tag(reference.to_owned())] {
        if let Some(name) = named.full_name().filter(|name| refs.commit(name).is_some()) {
            let (head, _) = look::follow(&context.git, &remote, &named, |_| Some(name)).await?;
            return Ok((head, false));
        }
    }
    if let Ok(commit) = reference.parse() {
        return look::pinned(&context.git, &remote, &commit).await.map(|head| (head, false));
    }
    context.git.fetch(&remote, Want::Everything).await?;
    context.git.resolve(&remote, reference).await.map(|resolved| (resolved.commit, false))
}

/// What the files of a commit say.
pub async fn read_at(context: &Context, sync: &GitSync, revision: &CommitId) -> Result<Reading, GitError> {
    let files = gather::files(context, sync, revision).await?;
    Ok(reading(sync, &files))
}

/// What files say.
pub fn reading(sync: &GitSync, files: &[File]) -> Reading {
    let (namespace, name) = (sync.namespace().unwrap_or_default(), sync.name_any());
    let uid = sync.uid().unwrap_or_default();
    files::read(files, &Home { namespace: &namespace, name: &name, uid: &uid, kinds: &Kinds::of(&sync.spec) })
}
