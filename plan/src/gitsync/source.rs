//! Which revision is meant.

use std::fmt;

use slipway_crds::v1alpha1::{GitSyncSpec, Reference};

use crate::commit::CommitId;

/// What a `GitSync` follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A branch, as it moves.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The newest version of a range among the tags.
    Newest(String),
    /// A commit, for good.
    Commit(CommitId),
}

impl Followed {
    /// What a spec asks for; the schema sees to it that it asks for exactly one thing.
    pub fn of(spec: &GitSyncSpec) -> Self {
        let Reference { branch, tag, semver, commit } = &spec.reference;
        let commit = commit.as_ref().and_then(|commit| commit.parse().ok()).map(Self::Commit);
        commit
            .or_else(|| tag.clone().map(Self::Tag))
            .or_else(|| semver.clone().map(Self::Newest))
            .unwrap_or_else(|| Self::Branch(branch.clone().unwrap_or_else(|| "main".to_owned())))
    }

    /// The full name of the branch or tag.
    pub fn full_name(&self) -> Option<String> {
        match self {
            Self::Branch(name) => Some(format!("refs/heads/{name}")),
            Self::Tag(name) => Some(format!("refs/tags/{name}")),
            Self::Newest(_) | Self::Commit(_) => None,
        }
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(formatter, "branch {name}"),
            Self::Tag(name) => write!(formatter, "tag {name}"),
            Self::Newest(range) => write!(formatter, "the newest version of {range}"),
            Self::Commit(commit) => write!(formatter, "commit {}", commit.short()),
        }
    }
}

/// The repository and what is followed in it: history is compared only within one of them.
pub fn identity(spec: &GitSyncSpec) -> String {
    format!("{} {}", spec.url, Followed::of(spec))
}

/// Why there is no revision to apply, or none that is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One word of [`slipway_crds::reasons`].
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// Whether trying again will hardly help before a person changes something.
    pub needs_a_person: bool,
}

/// What the last look at the repository gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The commit that is followed.
    Head(CommitId),
    /// It could not be read; `last` is the commit that is there from before.
    Failed {
        /// Why.
        failure: Failure,
        /// The commit that was read before, when it can still be read.
        last: Option<CommitId>,
    },
}

impl Fetched {
    /// The commit whose files are applied.
    pub fn revision(&self) -> Option<&CommitId> {
        match self {
            Self::Head(commit) => Some(commit),
            Self::Failed { last, .. } => last.as_ref(),
        }
    }
}
