//! Why an archive could not be written or unpacked.

use std::io;

/// A layer, or an archive of sources, could not be written or unpacked. Paths are escaped: they may hold any byte.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The name means something else to whoever unpacks the archive, or leads out of its root.
    #[error("{path} cannot be in an image's layer: {why}; give the file another name")]
    Name {
        /// The file.
        path: String,
        /// What is wrong with its name.
        why: &'static str,
    },
    /// A cap is exceeded.
    #[error("{path} is too much: {what} may be {limit} at most")]
    TooMuch {
        /// The file at which the cap was reached.
        path: String,
        /// What is capped. Example: `bytes of one file`.
        what: &'static str,
        /// The cap.
        limit: u64,
    },
    /// What the entry is, is not taken.
    #[error("{path} is {kind}, which {place} does not take; remove it")]
    Kind {
        /// The file.
        path: String,
        /// What it is. Example: `a device`.
        kind: &'static str,
        /// Where it does not belong. Example: `an archive of sources`.
        place: &'static str,
    },
    /// A file is no longer what it was when the tree was looked at.
    #[error("{path} changed while it was put into the layer; something still runs that writes to it")]
    Changed {
        /// The file.
        path: String,
    },
    /// The archive breaks off, or is none.
    #[error("the archive cannot be read after {path}; it was cut or damaged on its way")]
    Damaged {
        /// The last file that was whole.
        path: String,
        /// What the reader said.
        source: io::Error,
    },
    /// The system refused.
    #[error("cannot {action} {path}")]
    System {
        /// What was attempted. Example: `create`.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A path as text, any byte of it.
pub(crate) fn shown(path: &[u8]) -> String {
    match str::from_utf8(path) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => path.escape_ascii().to_string(),
    }
}

impl LayerError {
    /// Whether what is in the tree is at fault, and not the machine.
    pub fn is_of_the_content(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::TooMuch { .. } | Self::Kind { .. } | Self::Changed { .. })
    }

    pub(crate) fn system(action: &'static str, path: &[u8]) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, path: shown(path), source }
    }
}
