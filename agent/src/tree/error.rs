//! Why a tree could not be looked at, or put into a layer.

use std::io;

use crate::layer::LayerError;

/// A tree could not be looked at, or put into a layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The system refused.
    #[error("cannot {action} {path}")]
    System {
        /// What was attempted. Example: `list`.
        action: &'static str,
        /// The file, escaped.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be in a layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
}
