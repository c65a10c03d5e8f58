//! What can go wrong while an image is made or pushed.

use std::path::PathBuf;

use oci_client::errors::{OciDistributionError, OciErrorCode};
use slipway_agent::layer::LayerError;

/// An image could not be made or pushed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file that belongs into the image could not be read.
    #[error("cannot read {path} for the image; check that it exists and is readable")]
    ReadFile {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The archive of a layer could not be written.
    #[error("cannot write {path} into the layer")]
    WriteLayer {
        /// Path inside the image.
        path: String,
        /// What the writer said.
        source: LayerError,
    },
    /// A layer that somebody else wrote cannot go into an image.
    #[error("the layer {path} cannot be pushed")]
    RefusedLayer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: LayerError,
    },
    /// The file with logins is none.
    #[error("{path} is no file of logins of registries (`.dockerconfigjson`), or lacks what it promises")]
    Logins {
        /// The file.
        path: PathBuf,
    },
    /// `ldd` could not be run, or says that a library is missing.
    #[error("cannot list the shared libraries of {binary}: {reason}; ldd of the C library is needed")]
    SharedLibraries {
        /// The program.
        binary: PathBuf,
        /// What `ldd` said.
        reason: String,
    },
    /// The agent has to run in any image and therefore must not need a library of it.
    #[error("{binary} needs shared libraries; build the agent with -C target-feature=+crt-static")]
    NotStatic {
        /// The program.
        binary: PathBuf,
    },
    /// The text is not the name of an image.
    #[error("{text:?} is not an image reference such as registry.example.com/team/www:1.0")]
    Reference {
        /// The text.
        text: String,
        /// Why.
        source: oci_client::ParseError,
    },
    /// The registry has no such image.
    #[error("{image} is not in the registry (any more)")]
    NoImage {
        /// The image.
        image: String,
    },
    /// The registry did not do what it was asked.
    #[error("cannot {action} {image}; check that the registry answers and lets you do that")]
    Registry {
        /// What was attempted. Example: `push the manifest of`.
        action: &'static str,
        /// The image.
        image: String,
        /// What the client said.
        source: Box<OciDistributionError>,
    },
    /// The configuration of a base image could not be understood or a new one not be written.
    #[error("the configuration of {image} is not an OCI image configuration")]
    Configuration {
        /// The image.
        image: String,
        /// Where it breaks.
        source: serde_json::Error,
    },
}

impl ImageError {
    /// Whether the same may succeed when it is tried again soon: the one table of retries.
    pub fn is_temporary(&self) -> bool {
        let Self::Registry { source, .. } = self else { return false };
        match source.as_ref() {
            // A registry that was cut off in the middle may answer an upload in any way.
            OciDistributionError::RequestError(_)
            | OciDistributionError::IoError(_)
            | OciDistributionError::SpecViolationError(_)
            | OciDistributionError::RegistryNoLocationError => true,
            OciDistributionError::ServerError { code, .. } => matches!(code, 408 | 429 | 500..),
            OciDistributionError::RegistryError { envelope, .. } => envelope.errors.iter().any(|error| {
                matches!(error.code, OciErrorCode::Toomanyrequests | OciErrorCode::BlobUploadUnknown)
            }),
            _ => false,
        }
    }

    /// Whether what is in the layer is at fault.
    pub fn is_of_the_content(&self) -> bool {
        matches!(self, Self::RefusedLayer { source, .. } if source.is_of_the_content())
    }
}
