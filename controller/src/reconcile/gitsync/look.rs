//! Asks a repository for news, and brings what is new into the mirror.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};
use slipway_crds::v1alpha1::{GitSync, Verification};
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::poll::{self, Poll};
use slipway_plan::gitsync::source::{self, Failure, Followed};
use slipway_plan::gitsync::version;
use tracing::debug;

use crate::context::Context;
use crate::git::{Git, GitError, Refs, Remote, Want};
use crate::looked::Look;
use crate::reconcile::service_repo;
use crate::signature;

/// Looks when it is time to, and else remembers.
pub async fn look(context: &Context, sync: &GitSync, now: Timestamp) -> Look {
    let id = sync.uid().unwrap_or_default();
    let last = context.looks.get(&id);
    let pushed = context.pushed.count(&id);
    match last {
        Some(look) if look.pushed == pushed && !poll::is_due(Some(&look.poll), sync, now) => look,
        last => {
            let look = Look { pushed, ..look_again(context, sync, last, now).await };
            context.looks.set(&id, Some(look.clone()));
            look
        }
    }
}

async fn look_again(context: &Context, sync: &GitSync, last: Option<Look>, now: Timestamp) -> Look {
    let asked = match ask(context, sync).await {
        Ok(found) => prove(context, sync, &found.0, now).await.map(|()| found),
        Err(error) => Err(error),
    };
    let failures = match &asked {
        Ok(_) => 0,
        Err(_) => last.map_or(0, |look| look.poll.failures).saturating_add(1),
    };
    let wait = poll::wait(&sync.spec.interval, failures, rand::random());
    let poll = Poll { question: poll::question(sync), next: now + wait, failures };
    match asked {
        Ok((head, rewritten)) => Look { poll, head: Ok(head), rewritten, pushed: 0 },
        Err(error) => Look { poll, head: Err(Failure::from(&error)), rewritten: None, pushed: 0 },
    }
}

pub(super) async fn ask(context: &Context, sync: &GitSync) -> Result<(CommitId, Option<String>), GitError> {
    let namespace = sync.namespace().unwrap_or_default();
    let spec = &sync.spec;
    let remote = service_repo::remote(context, &namespace, &spec.url, spec.credentials.as_ref()).await?;
    match Followed::of(spec) {
        Followed::Commit(commit) => pinned(&context.git, &remote, &commit).await.map(|head| (head, None)),
        // One version need not be built on another.
        Followed::Newest(range) => {
            let range = version::range(&range)?;
            follow(&context.git, &remote, &Followed::of(spec), move |refs| {
                version::newest(&range, refs.tags()).map(tag)
            })
            .await
            .map(|(head, _)| (head, None))
        }
        named @ (Followed::Branch(_) | Followed::Tag(_)) => {
            let full_name = named.full_name();
            let (head, name) = follow(&context.git, &remote, &named, |_| full_name).await?;
            let rewritten = rewritten(&context.git, &remote, sync, &head, name).await?;
            Ok((head, rewritten))
        }
    }
}

/// A commit that is not signed as the spec asks is no commit to apply.
async fn prove(context: &Context, sync: &GitSync, head: &CommitId, now: Timestamp) -> Result<(), GitError> {
    let Some(Verification { provider, secret: name }) = &sync.spec.verify else { return Ok(()) };
    let namespace = sync.namespace().unwrap_or_default();
    let secret = format!("{namespace}/{name}");
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let keys = api.get(name).await.map_err(|error| GitError::SignersUnreadable {
        reason: match error {
            kube::Error::Api(status) => format!("Secret {secret}: {}", status.message),
            other => format!("Secret {secret}: {other}"),
        },
    })?;
    let signed = context.git.signed(&mirrored(sync)?, head).await?;
    match signature::verify(*provider, &keys.data.unwrap_or_default(), signed.as_ref(), now) {
        Ok(whose) => {
            debug!(gitsync = sync.name_any(), commit = %head, whose, "signature verified");
            Ok(())
        }
        Err(source) => Err(GitError::SignatureRefused { commit: head.clone(), secret, source }),
    }
}

/// The repository as far as it is in the mirror.
pub fn mirrored(sync: &GitSync) -> Result<Remote, GitError> {
    let namespace = sync.namespace().unwrap_or_default();
    let identity =
        sync.spec.credentials.as_ref().map(|credentials| format!("{namespace}/{}", credentials.secret));
    Remote::mirrored(&sync.spec.url, identity)
}

fn tag(name: &str) -> String {
    format!("refs/tags/{name}")
}

pub(super) async fn pinned(git: &Git, remote: &Remote, commit: &CommitId) -> Result<CommitId, GitError> {
    git.fetch(remote, Want::Commit(commit.clone())).await?;
    git.resolve(remote, commit.as_str()).await.map(|resolved| resolved.commit)
}

/// The commit of what is chosen from what the server has, brought into the mirror, and the full name of it.
pub(super) async fn follow(
    git: &Git,
    remote: &Remote,
    followed: &Followed,
    choose: impl FnOnce(&Refs) -> Option<String> + Send + 'static,
) -> Result<(CommitId, String), GitError> {
    let missing = || GitError::ReferenceNotFound { url: remote.url.clone(), reference: followed.to_string() };
    let (name, head) = git.follow(remote, choose).await?.ok_or_else(missing)?;
    Ok((head, name))
}

/// The commit that was applied last, when the head is not built on it.
async fn rewritten(
    git: &Git,
    remote: &Remote,
    sync: &GitSync,
    head: &CommitId,
    full_name: String,
) -> Result<Option<String>, GitError> {
    let status = sync.status.as_ref();
    let same =
        status.and_then(|status| status.last_applied_source.clone()) == Some(source::identity(&sync.spec));
    let last =
        status.and_then(|status| status.last_applied_revision.as_ref()).and_then(|last| last.parse().ok());
    let Some(last) = last.filter(|last| same && last != head) else { return Ok(None) };
    // A mirror that is younger than that commit is shallow: it is completed before anything is claimed.
    if !git.has_commit(remote, &last).await? {
        git.fetch(remote, Want::History(full_name)).await?;
    }
    let built_on = git.is_ancestor(remote, &last, head).await?;
    Ok((!built_on).then(|| last.to_string()))
}
