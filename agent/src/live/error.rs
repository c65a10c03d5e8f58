//! Why a working tree could not be mirrored.

use std::io;

use crate::layer::{LayerError, shown};

/// What stands in the way of mirroring a tree. Paths are escaped: they may hold any byte.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// A file or folder cannot be looked at.
    #[error("cannot {action} {path}: {source}; mend it, or name it in .slipwayignore")]
    Look {
        /// What was attempted. Example: `list`.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// There are too many files.
    #[error(
        "there are more than {limit} files and folders: name what the service does not need in .slipwayignore"
    )]
    TooMany {
        /// How many may be.
        limit: usize,
    },
    /// The connection ended, or nothing came for too long.
    #[error("the connection to the container was lost: {source}")]
    Lost {
        /// What the system said.
        source: io::Error,
    },
    /// The other end is something else, or another version.
    #[error("the other end does not speak as expected ({what}); is it of the same version?")]
    Speech {
        /// What was wrong.
        what: String,
    },
    /// The other end could not do it.
    #[error("{message}")]
    Refused {
        /// Why, in its words.
        message: String,
    },
    /// The archive of what differs could not be written or read.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl LiveError {
    pub(super) fn look(action: &'static str, path: &[u8]) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Look { action, path: shown(path), source }
    }

    pub(super) fn lost(source: io::Error) -> Self {
        Self::Lost { source }
    }

    pub(super) fn speech(what: impl Into<String>) -> Self {
        Self::Speech { what: what.into() }
    }

    /// Whether a new connection may help.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Lost { .. } => true,
            Self::Layer(LayerError::System { source, .. } | LayerError::Damaged { source, .. }) => {
                is_of_the_connection(source)
            }
            _ => false,
        }
    }
}

fn is_of_the_connection(source: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock,
    };
    matches!(
        source.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof | WouldBlock
    )
}
