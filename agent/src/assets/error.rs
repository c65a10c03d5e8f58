//! Why assets are not what they should be.

use std::io;
use std::path::PathBuf;

use crate::Fault;
use crate::live::LiveError;
use crate::provision::ProvisionError;
use crate::sources::SourcesError;

/// An asset is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetError {
    /// What the operator knows of it, or its sources, could not be got.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// There is no shell.
    #[error(transparent)]
    Start(#[from] ProvisionError),
    /// Its command failed.
    #[error("the asset `{output}` was not built: {reason}")]
    Failed {
        /// Its output.
        output: String,
        /// Its last words.
        reason: String,
    },
    /// Its output is none.
    #[error("the asset `{output}` cannot be copied into the image: {why}")]
    Output {
        /// Its output.
        output: String,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// Its output could not be read to its end.
    #[error("cannot read the asset in {path}")]
    Look {
        /// The folder.
        path: PathBuf,
        /// What was in the way.
        source: LiveError,
    },
    /// A file could not be written or removed.
    #[error("cannot {action} {path}, which is of an asset")]
    System {
        /// Example: `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl AssetError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Sources(error) => error.fault(),
            Self::Start(_) | Self::Failed { .. } | Self::Output { .. } => Fault::Commits,
            Self::Look { .. } | Self::System { .. } => Fault::Surroundings,
        }
    }

    pub(super) fn system(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::System { action, path, source }
    }
}
