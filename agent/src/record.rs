//! What a build and a start say of themselves. Times are whole milliseconds.

use serde::{Deserialize, Serialize};

use crate::Identity;

/// The layer of a build, in the folder of its order's `output`.
pub const LAYER: &str = "layer.tar.gz";
/// What is said of a build, as a [`BuildRecord`], in the same folder. It appears when the build has ended.
pub const RECORD: &str = "build.json";
/// What a build is doing, as a [`BuildProgress`], in the same folder.
pub const PROGRESS: &str = "progress.json";

/// A layer that was written: what a push and an image's configuration need to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerRecord {
    /// Digest of the compressed bytes: the name of the blob.
    pub digest: String,
    /// Digest of the archive before compression: its name in an image's configuration.
    pub diff_id: String,
    /// Compressed bytes.
    pub size: u64,
    /// Entries: folders, files, and what is gone.
    pub entries: u64,
    /// Bytes of the files before compression.
    pub bytes: u64,
}

/// One state, or whatever the provisioner calls its smallest piece.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateRecord {
    /// Its ID in the file that declares it.
    pub id: String,
    /// What it is about. Example: `/etc/nginx/nginx.conf`.
    pub name: String,
    /// What it does. Example: `file.managed`.
    pub function: String,
    /// Whether it holds now; none when it was not to be brought about.
    pub result: Option<bool>,
    /// Whether something had to be changed.
    pub changed: bool,
    /// What it said, cut after two kilobytes.
    pub comment: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// How provisioning went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionRecord {
    /// Why it failed; none when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
    /// How many states there are.
    pub states: u64,
    /// How many of them changed something.
    pub changed: u64,
    /// Whether something may have changed that no state tells: it was ended, or has no states.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_untold: bool,
    /// The slowest ten, the slowest first.
    pub slowest: Vec<StateRecord>,
    /// Those that failed, twenty at most, in their order.
    pub failed: Vec<StateRecord>,
    /// Processes that it left running, and that were ended.
    pub left_running: u64,
    /// The end of what it wrote.
    pub log: String,
    /// Bytes of the log before that.
    pub log_cut: u64,
}

/// One asset: whether it was built, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetRecord {
    /// Folder of its output, relative to the service's repository.
    pub output: String,
    /// Whether its command ran; else what was there is kept.
    pub built: bool,
    /// Why it was built, or kept.
    pub why: String,
    /// How long it took.
    pub milliseconds: u64,
    /// The end of what its command wrote, if it ran.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub log: String,
}

/// One step and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Example: `fetch`.
    pub name: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// How a build went. The agent writes it as `build.json` beside `layer.tar.gz`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildRecord {
    /// What was built.
    pub identity: Identity,
    /// What the image it was built on was built from, when that was a build of the same service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Identity>,
    /// Why there is no layer; none when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whose fault `error` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The steps, as far as it came.
    pub steps: Vec<StepRecord>,
    /// Provisioning, if it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision: Option<ProvisionRecord>,
    /// The assets, as far as it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<AssetRecord>,
    /// The layer, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerRecord>,
}

/// Who can do something about what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The service's or the ops repository: another commit is needed.
    Commits,
    /// The cluster, the registry, the operator: the same may succeed when it is tried again.
    Surroundings,
}

/// What a build is doing. The agent writes it as `progress.json` beside `build.json` whenever it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildProgress {
    /// The step that runs. In their order: `base`, `fetch`, `provision`, `assets`, `look`, `commit`, `push`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The steps that are done.
    pub steps: Vec<StepRecord>,
}

/// What the second container of a build pod tells the operator: `POST /v1/builds/{namespace}/{name}` with this as JSON
/// and the pod's token as bearer. Example: `{"progress": {"step": "provision", "steps": []}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildReport {
    /// It goes on. May be lost, and may come late.
    Progress(BuildProgress),
    /// It is over. Offered until it is acknowledged.
    Ended(Box<BuildEnded>),
}

/// How a build ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildEnded {
    /// The build with all its steps, the push included. Of a build that was waited for in vain, only the identity.
    pub build: BuildRecord,
    /// What was pushed; none when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PushedImage>,
    /// Why nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whose fault `error` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What `slipway-push` says at its end, on its standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PushOutcome {
    /// The image is in the registry.
    Pushed(PushedImage),
    /// It is not.
    Failed {
        /// Why.
        error: String,
        /// Whose fault that is.
        fault: Fault,
    },
}

/// An image that was pushed, as whoever pushed it says; the registry decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushedImage {
    /// Its name. Example: `registry:5000/www:3f2c-91ab-candidate`.
    pub name: String,
    /// Digest of its manifest.
    pub digest: String,
    /// Layers, those of the base included.
    pub layers: u32,
    /// Compressed bytes of the new layer.
    pub size: u64,
}

/// How a container came up. The agent writes it to the order's `record` when all checks have passed, or one has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartRecord {
    /// What runs.
    pub identity: Identity,
    /// What the image was built from; none when it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Identity>,
    /// Why it does not run; none when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The steps: `fetch`, `provision` and `assets` when there was a difference, and `checks`.
    pub steps: Vec<StepRecord>,
    /// Provisioning of the difference, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision: Option<ProvisionRecord>,
    /// The assets, if there was a difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<AssetRecord>,
}
