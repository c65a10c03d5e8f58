//! Objects of a mirror, as libgit2 names them.

use git2::Oid;
use slipway_plan::commit::CommitId;

use super::{GitError, Remote};

/// A commit as libgit2 names it.
pub(super) fn object(commit: &CommitId) -> Result<Oid, git2::Error> {
    Oid::from_str(commit.as_str())
}

/// An error of the mirror itself.
pub(super) fn unusable(remote: &Remote, source: git2::Error) -> GitError {
    GitError::Mirror { url: remote.url.clone(), action: "read", source }
}
