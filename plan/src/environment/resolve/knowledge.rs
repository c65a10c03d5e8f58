//! What has to be known to resolve an environment, and what is known.

use std::collections::{BTreeMap, BTreeSet};

use slipway_crds::v1alpha1::BuildInputs;

use crate::manifest::{Manifest, ManifestError};
use crate::service_name::ServiceName;

/// Something to find out before the environment can be resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Which commit a branch, tag or commit of a service is.
    Commit {
        /// The service.
        service: ServiceName,
        /// The branch, tag or commit; none is the trunk.
        reference: Option<String>,
    },
    /// What a service says of itself at a commit.
    Manifest {
        /// The service.
        service: ServiceName,
        /// The commit.
        commit: String,
    },
    /// The digest of an image.
    Digest {
        /// The image by tag.
        image: String,
    },
    /// What the image of a service that names none is built of.
    Inputs {
        /// The service.
        service: ServiceName,
        /// Its commit.
        commit: String,
        /// Branch, tag or commit of the ops repository; none is the Fleet's default.
        ops: Option<String>,
    },
    /// How far the build of an image is.
    Build {
        /// The service.
        service: ServiceName,
        /// Name of the `ServiceBuild`.
        name: String,
    },
}

/// A reference that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCommit {
    /// The commit.
    pub commit: String,
    /// What was asked for, with its kind. Example: `branch fix-eta`.
    pub why: String,
}

/// A digest that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundDigest {
    /// The image by digest.
    Image(String),
    /// The registry has no such image yet.
    Missing,
    /// The registry could not be asked.
    Unknown(String),
    /// It is built, and not there yet, for this reason.
    NotBuilt(Unavailable),
}

/// Why something could not be found out; `reason` is one of `slipway_crds::reasons`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// One word.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// All that has been found out so far.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// The services that have a `ServiceRepo`.
    pub services: BTreeSet<ServiceName>,
    /// Answers to [`Need::Commit`].
    pub commits: BTreeMap<(ServiceName, Option<String>), Result<FoundCommit, Unavailable>>,
    /// Answers to [`Need::Manifest`].
    pub manifests: BTreeMap<(ServiceName, String), Result<Manifest, ManifestError>>,
    /// Answers to [`Need::Digest`].
    pub digests: BTreeMap<String, FoundDigest>,
    /// Answers to [`Need::Inputs`].
    pub inputs: BTreeMap<(ServiceName, String, Option<String>), Result<BuildInputs, Unavailable>>,
    /// Answers to [`Need::Build`].
    pub builds: BTreeMap<String, FoundDigest>,
}
