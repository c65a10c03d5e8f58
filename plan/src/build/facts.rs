//! What the next step of a build depends on.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::v1alpha1::{
    BlockedBy, BuildInputs, BuildParent, BuildStage, BuildTime, BuiltAsset, Provisioned, UnitStatus,
};

use crate::environment::resolve::FoundDigest;
use crate::integration::JobFacts;

/// What the next step of a build depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildFacts {
    /// What it is made of, or what has to be known or mended first.
    pub inputs: Result<BuildInputs, BlockedBy>,
    /// The namespace of its pods.
    pub namespace: String,
    /// Which input changed since the last build of the service.
    pub why: String,
    /// The image that it may start from instead of the base.
    pub parent: Option<BuildParent>,
    /// The image whose assets it may take over when it starts from the base.
    pub assets_from: Option<String>,
    /// The image under its good name.
    pub good: FoundDigest,
    /// The image under the name of a candidate.
    pub candidate: FoundDigest,
    /// The image under the name of one whose unit tests failed.
    pub failed: FoundDigest,
    /// Builds that are before it.
    pub ahead: usize,
    /// Another build that makes the same image, and is before this one.
    pub twin: Option<String>,
    /// Builds that may run at once.
    pub concurrency: usize,
    /// The Job that builds.
    pub job: Option<JobFacts>,
    /// What the pod of the Job said last.
    pub report: Option<Report>,
    /// Whether there are unit tests, and how they went.
    pub unit: UnitTests,
    /// Whether nobody needs it any more.
    pub cancelled: Option<String>,
    /// How long things may take.
    pub limits: Limits,
}

/// What the pod of a build says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What it does now.
    pub stage: Option<BuildStage>,
    /// How long what is done took.
    pub times: Vec<BuildTime>,
    /// What configuration management said.
    pub provisioned: Option<Provisioned>,
    /// Its assets.
    pub assets: Vec<BuiltAsset>,
    /// Why it cannot go on: the commits' fault.
    pub failed: Option<String>,
    /// Why it cannot go on: nobody's fault, asking again may help.
    pub error: Option<String>,
    /// What it says that it pushed. The registry decides.
    pub pushed: Option<Pushed>,
    /// `ConfigMap` with the bounded log.
    pub result: Option<String>,
}

/// What a pod says that it pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the image's manifest.
    pub digest: String,
}

/// The unit tests of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one of it at a time")]
pub enum UnitTests {
    /// The manifest of the commit cannot be read: a push over it, say, after the operator lost its mirror.
    Unknown(BlockedBy),
    /// None are declared.
    None,
    /// They are declared.
    Declared(Unit),
}

/// Unit tests that are declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Their Job.
    pub job: Option<JobFacts>,
    /// How they went.
    pub status: Option<UnitStatus>,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the Job until its image is in the registry.
    pub build: SignedDuration,
    /// From the Job of the unit tests until their result.
    pub unit: SignedDuration,
    /// From the end of a Job until what it said is seen.
    pub delivery_grace: SignedDuration,
}

impl Limits {
    /// The end of a time that began then.
    pub(super) fn end(since: Timestamp, limit: SignedDuration) -> Timestamp {
        since.saturating_add(limit).unwrap_or(Timestamp::MAX)
    }
}
