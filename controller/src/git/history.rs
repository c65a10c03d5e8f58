//! Which commit a name means, and which commits it is built on.

use std::collections::{HashSet, VecDeque};

use git2::{ErrorCode, ObjectType, Oid, Repository};
use slipway_plan::commit::CommitId;

use super::object::{object, unusable};
use super::{GitError, ReferenceKind, Remote, Resolved};
use crate::signature::SignedContent;

/// The branch, tag or commit of this name, in this order.
pub(super) fn resolve(
    repository: &Repository,
    remote: &Remote,
    reference: &str,
) -> Result<Resolved, GitError> {
    let found = match by_name(repository, reference) {
        Some(named) => Some(named),
        None => by_digits(repository, remote, reference)?.map(|id| (id, ReferenceKind::Commit)),
    };
    let resolved = found.and_then(|(id, kind)| Some(Resolved { commit: id.to_string().parse().ok()?, kind }));
    resolved.ok_or_else(|| not_found(repository, remote, reference))
}

fn by_name(repository: &Repository, reference: &str) -> Option<(Oid, ReferenceKind)> {
    let peel = |folder: &str| {
        let reference = repository.find_reference(&format!("refs/{folder}/{reference}")).ok()?;
        reference.peel(ObjectType::Commit).ok().map(|commit| commit.id())
    };
    let branch = peel("heads").map(|id| (id, ReferenceKind::Branch));
    branch.or_else(|| peel("tags").map(|id| (id, ReferenceKind::Tag)))
}

fn by_digits(repository: &Repository, remote: &Remote, reference: &str) -> Result<Option<Oid>, GitError> {
    let is_commit =
        (7..=40).contains(&reference.len()) && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_commit {
        return Ok(None);
    }
    let id = match repository.find_commit_by_prefix(reference) {
        Ok(commit) => commit.id(),
        Err(error) if error.code() == ErrorCode::Ambiguous => {
            let (url, reference) = (remote.url.clone(), reference.to_owned());
            return Err(GitError::ReferenceAmbiguous { url, reference });
        }
        Err(_) => return Ok(None),
    };
    let reachable = is_reachable(repository, id).map_err(|source| unusable(remote, source))?;
    Ok(reachable.then_some(id))
}

fn not_found(repository: &Repository, remote: &Remote, reference: &str) -> GitError {
    let url = remote.url.clone();
    match repository.references().map(|mut references| references.next().is_none()) {
        Ok(true) => GitError::RepositoryEmpty { url },
        _ => GitError::ReferenceNotFound { url, reference: format!("branch, tag or commit {reference}") },
    }
}

/// Whether a branch or tag of the mirror contains this commit. One that was pushed over is still in the object database.
pub(super) fn is_reachable(repository: &Repository, commit: Oid) -> Result<bool, git2::Error> {
    let mut tips = VecDeque::new();
    for reference in repository.references()? {
        if let Ok(tip) = reference?.peel(ObjectType::Commit) {
            tips.push_back(tip.id());
        }
    }
    is_below(repository, tips, commit)
}

// libgit2's own walks fail at the end of a shallow history instead of stopping there.
fn is_below(repository: &Repository, mut ahead: VecDeque<Oid>, sought: Oid) -> Result<bool, git2::Error> {
    let mut seen = HashSet::new();
    while let Some(id) = ahead.pop_front() {
        if !seen.insert(id) {
            continue;
        }
        match repository.find_commit(id) {
            Ok(_) if id == sought => return Ok(true),
            Ok(commit) => ahead.extend(commit.parent_ids()),
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether the mirror has the commit, reachable or not.
pub(super) fn has_commit(repository: &Repository, commit: &CommitId) -> bool {
    object(commit).is_ok_and(|id| repository.find_commit(id).is_ok())
}

/// Whether `ancestor` is `descendant` or below it, as far as the mirror knows.
pub(super) fn is_ancestor(
    repository: &Repository,
    remote: &Remote,
    ancestor: &CommitId,
    descendant: &CommitId,
) -> Result<bool, GitError> {
    let below = || is_below(repository, VecDeque::from([object(descendant)?]), object(ancestor)?);
    below().map_err(|source| unusable(remote, source))
}

/// A commit's signature and what it is about; `None` when it is not signed.
pub(super) fn signed(
    repository: &Repository,
    remote: &Remote,
    commit: &CommitId,
) -> Result<Option<SignedContent>, GitError> {
    let unreadable = |source| unusable(remote, source);
    let id = object(commit).map_err(unreadable)?;
    match repository.extract_signature(&id, None) {
        Ok((signature, content)) => {
            Ok(Some(SignedContent { signature: signature.to_vec(), content: content.to_vec() }))
        }
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}
