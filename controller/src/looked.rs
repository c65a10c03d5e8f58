//! What is remembered of a `GitSync`'s repository between two looks at it.

use std::sync::Arc;

use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::files::Reading;
use slipway_plan::gitsync::kinds::Kinds;
use slipway_plan::gitsync::poll::Poll;
use slipway_plan::gitsync::source::Failure;

use crate::git::Snapshot;

/// What the last look at a repository gave.
#[derive(Clone, Debug)]
pub struct Look {
    /// When it was, and when the next one is.
    pub poll: Poll,
    /// The commit that is followed, or why it could not be told.
    pub head: Result<CommitId, Failure>,
    /// The commit that was applied before and is no longer part of the branch.
    pub rewritten: Option<String>,
    /// How often the git server had said by then that something was pushed.
    pub pushed: u64,
}

/// What was read at a commit.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which commit.
    pub revision: CommitId,
    /// For which generation of the `GitSync`.
    pub generation: Option<i64>,
    /// Which kinds were allowed.
    pub kinds: Kinds,
    /// The files.
    pub snapshot: Arc<Snapshot>,
    /// What they say.
    pub reading: Arc<Reading>,
}
