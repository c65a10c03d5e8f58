//! What goes wrong with git, told apart by who can do something about it.

use std::path::PathBuf;
use std::time::Duration;

use slipway_agent::layer::LayerError;
use slipway_crds::reasons;
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::source::Failure;

use super::RepositoryUrl;
use crate::signature::SignatureError;

/// Why a repository could not be read. No message contains credentials.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The URL is not one that is ever contacted.
    #[error("refused to use {url}: {reason}")]
    UrlRefused {
        /// The URL, as far as it may be shown.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server could not be reached, or did not answer as a git server does.
    #[error("failed to reach {url}: {}; check the address and that the server runs", .source.message())]
    Unreachable {
        /// The repository.
        url: RepositoryUrl,
        /// What libgit2 says.
        source: git2::Error,
    },
    /// The server wants other credentials, or any.
    #[error("{url} refused access: {reason}")]
    AuthenticationRefused {
        /// The repository.
        url: RepositoryUrl,
        /// What is wrong with them and where to mend it.
        reason: String,
    },
    /// Nothing came, or too slowly.
    #[error("gave up on {url} after {after:?}; it is tried again")]
    TimedOut {
        /// The repository.
        url: RepositoryUrl,
        /// How long was waited.
        after: Duration,
    },
    /// The repository has no commits.
    #[error("{url} is empty: push a commit to it")]
    RepositoryEmpty {
        /// The repository.
        url: RepositoryUrl,
    },
    /// There is no such branch, tag or commit.
    #[error("{url} has no {reference}: push it, or name another branch, tag or commit")]
    ReferenceNotFound {
        /// The repository.
        url: RepositoryUrl,
        /// What was looked for.
        reference: String,
    },
    /// The tags cannot be chosen from.
    #[error(transparent)]
    Range(#[from] slipway_plan::gitsync::version::RangeError),
    /// An abbreviated commit that stands for several.
    #[error("{reference} names more than one commit of {url}: write more of its digits")]
    ReferenceAmbiguous {
        /// The repository.
        url: RepositoryUrl,
        /// What was looked for.
        reference: String,
    },
    /// A folder is not there.
    #[error("{url} has no folder `{path}` at commit {commit}")]
    PathNotFound {
        /// The repository.
        url: RepositoryUrl,
        /// Where it was looked for.
        commit: CommitId,
        /// What was looked for.
        path: String,
    },
    /// What the commit holds is not what a repository may hold.
    #[error("{url} holds what is never read: {reason}; push a commit without it")]
    TreeRefused {
        /// The repository.
        url: RepositoryUrl,
        /// What and where.
        reason: String,
    },
    /// A commit is not signed as is asked for.
    #[error("commit {commit} is not applied: {source}; push one that is signed, or correct Secret {secret}", commit = commit.short())]
    SignatureRefused {
        /// Which commit.
        commit: CommitId,
        /// The Secret with the public keys.
        secret: String,
        /// Why.
        source: SignatureError,
    },
    /// The public keys that a commit's signature is compared with could not be read.
    #[error("commit signatures cannot be checked: {reason}")]
    SignersUnreadable {
        /// Why.
        reason: String,
    },
    /// More than [`super::Limits`] allow.
    #[error("{what} of {url} exceeds the limit of {limit}")]
    TooLarge {
        /// The repository.
        url: RepositoryUrl,
        /// What is too large.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// The mirror on this machine could not be used.
    #[error("failed to {action} the mirror of {url}: {}", .source.message())]
    Mirror {
        /// The repository.
        url: RepositoryUrl,
        /// What was attempted.
        action: &'static str,
        /// What libgit2 says.
        source: git2::Error,
    },
    /// The folder of the mirrors could not be used.
    #[error("failed to prepare {path} for mirrors: {source}", path = path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// libgit2 could not be set up.
    #[error("failed to set up libgit2 for the mirrors in {path}: {reason}", path = path.display())]
    Setup {
        /// The folder of the mirrors.
        path: PathBuf,
        /// What libgit2 says.
        reason: String,
    },
    /// Sources could not be sent to the end.
    #[error("stopped sending the sources of {url}")]
    Unsent {
        /// The repository.
        url: RepositoryUrl,
        /// What was in the way.
        source: LayerError,
    },
    /// The thread that did the work ended early.
    #[error("reading {url} was interrupted")]
    Interrupted {
        /// The repository.
        url: RepositoryUrl,
        /// How it ended.
        source: tokio::task::JoinError,
    },
}

impl From<&GitError> for Failure {
    /// What the error means for an object whose repository it is about.
    fn from(error: &GitError) -> Self {
        Self { reason: error.reason(), message: error.to_string(), needs_a_person: error.needs_a_person() }
    }
}

impl GitError {
    /// One word of [`reasons`] for a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UrlRefused { .. } => reasons::URL_REFUSED,
            Self::AuthenticationRefused { .. } => reasons::AUTHENTICATION_FAILED,
            Self::RepositoryEmpty { .. } => reasons::REPOSITORY_EMPTY,
            Self::ReferenceNotFound { .. } | Self::ReferenceAmbiguous { .. } => reasons::REFERENCE_NOT_FOUND,
            Self::PathNotFound { .. } => reasons::PATH_NOT_FOUND,
            Self::Range(_) => reasons::INVALID_SPEC,
            Self::TreeRefused { .. } => reasons::TREE_REFUSED,
            Self::SignatureRefused { .. } | Self::SignersUnreadable { .. } => reasons::SIGNATURE_REFUSED,
            Self::TooLarge { .. } => reasons::TOO_LARGE,
            Self::Unreachable { .. } | Self::TimedOut { .. } => reasons::FETCH_FAILED,
            Self::Mirror { .. }
            | Self::Cache { .. }
            | Self::Setup { .. }
            | Self::Unsent { .. }
            | Self::Interrupted { .. } => reasons::INTERNAL_ERROR,
        }
    }

    /// Whether objects that the mirror should have could not be read.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Mirror { action: "read", .. })
    }

    /// Whether trying again will hardly help before a person changes something.
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::UrlRefused { .. }
            | Self::AuthenticationRefused { .. }
            | Self::RepositoryEmpty { .. }
            | Self::ReferenceNotFound { .. }
            | Self::ReferenceAmbiguous { .. }
            | Self::Range(_)
            | Self::PathNotFound { .. }
            | Self::TreeRefused { .. }
            | Self::SignatureRefused { .. }
            | Self::SignersUnreadable { .. }
            | Self::TooLarge { .. } => true,
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Mirror { .. }
            | Self::Cache { .. }
            | Self::Setup { .. }
            | Self::Unsent { .. }
            | Self::Interrupted { .. } => false,
        }
    }
}
