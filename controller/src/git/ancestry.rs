//! How far commits are from each other, and when they were made.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use git2::{ErrorCode, Oid, Repository};
use slipway_plan::commit::CommitId;

use super::object::{object, unusable};
use super::{Git, GitError, Remote};

/// Commits that are looked at for ancestors: what is farther away is no near one.
const REACH: usize = 10_000;

impl Git {
    /// Steps from a commit to those of its ancestors that are asked for; what is no ancestor, or too far, is left out.
    pub async fn distances(
        &self,
        remote: &Remote,
        from: &CommitId,
        sought: BTreeSet<CommitId>,
    ) -> Result<BTreeMap<CommitId, usize>, GitError> {
        let from = from.clone();
        let work = move |repository: &Repository, remote: &Remote| {
            distances(repository, &from, &sought).map_err(|source| unusable(remote, source))
        };
        self.run(remote, None, work).await
    }

    /// When a commit was made, in seconds since 1970.
    pub async fn committed_at(&self, remote: &Remote, commit: &CommitId) -> Result<i64, GitError> {
        let commit = commit.clone();
        let work = move |repository: &Repository, remote: &Remote| {
            let found = object(&commit).and_then(|id| repository.find_commit(id));
            found.map(|found| found.time().seconds()).map_err(|source| unusable(remote, source))
        };
        self.run(remote, None, work).await
    }
}

// Level by level: of several ways the shortest counts, and the end of a shallow history is an end.
fn distances(
    repository: &Repository,
    from: &CommitId,
    sought: &BTreeSet<CommitId>,
) -> Result<BTreeMap<CommitId, usize>, git2::Error> {
    let mut left: BTreeMap<Oid, &CommitId> = BTreeMap::new();
    for commit in sought {
        left.insert(object(commit)?, commit);
    }
    let (mut found, mut seen) = (BTreeMap::new(), HashSet::new());
    let mut ahead = VecDeque::from([(object(from)?, 0)]);
    while let Some((id, distance)) = ahead.pop_front() {
        if left.is_empty() || seen.len() == REACH {
            break;
        }
        if !seen.insert(id) {
            continue;
        }
        if let Some(commit) = left.remove(&id) {
            found.insert(commit.clone(), distance);
        }
        match repository.find_commit(id) {
            Ok(commit) => ahead.extend(commit.parent_ids().map(|parent| (parent, distance + 1))),
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
