//! What the operator tells the agent to do: one argument, as JSON.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Identity;

/// `slipway-agent build ORDER`: provision what is in this container, and write the layer of what changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildOrder {
    /// What the image is made of.
    pub identity: Identity,
    /// Where the two repositories come from.
    pub sources: Sources,
    /// Where they go.
    #[serde(default)]
    pub folders: Folders,
    /// What is run.
    pub provisioner: Provisioning,
    /// Whether the commit has assets; the operator says which.
    #[serde(default)]
    pub assets: bool,
    /// Where [`KeepOrder`] left the assets of an older image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// Time of the newer of both commits, in seconds since 1970: no file of the layer is younger.
    pub newest: i64,
    /// A volume: the agent writes `layer.tar.gz` and `build.json` there.
    pub output: PathBuf,
    /// Absolute paths of folders whose content is no part of the image, beside those that never are.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// The tree that is looked at.
    #[serde(default = "root")]
    pub root: PathBuf,
    /// Where the kubelet reads why a container ended.
    #[serde(default = "termination_log")]
    pub termination_log: PathBuf,
}

/// `slipway-agent keep ORDER`: copy the assets of this image to a volume, for a build that starts from the base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeepOrder {
    /// Where things are in this image.
    #[serde(default)]
    pub folders: Folders,
    /// The volume.
    pub to: PathBuf,
}

/// `slipway-agent init ORDER`: bring this container to the wanted commits, and run its services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InitOrder {
    /// What is wanted.
    pub identity: Identity,
    /// Where a difference comes from.
    pub sources: Sources,
    /// Where the repositories are.
    #[serde(default)]
    pub folders: Folders,
    /// What is run when there is a difference.
    pub provisioner: Provisioning,
    /// Whether the commit has assets; the operator says which.
    #[serde(default)]
    pub assets: bool,
    /// Time that provisioning takes for that of the commits, in seconds since 1970: no layer is made of what it leaves.
    #[serde(default = "earliest")]
    pub newest: i64,
    /// The supervisor.
    #[serde(default)]
    pub runit: Runit,
    /// What runs instead of the services of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Instead>,
    /// How long services may take until their checks pass.
    #[serde(default = "a_minute")]
    pub checks_seconds: u32,
    /// How long services may take to end; less than the pod's grace period.
    #[serde(default = "twenty_seconds")]
    pub grace_seconds: u32,
    /// Where how it went is told to, as a [`StartRecord`](crate::StartRecord); none tells nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportTo>,
    /// Where how it went is written, as a [`StartRecord`](crate::StartRecord). It appears when services are up: a
    /// readiness probe can wait for it.
    #[serde(default = "record")]
    pub record: PathBuf,
    /// Where the kubelet reads why a container ended.
    #[serde(default = "termination_log")]
    pub termination_log: PathBuf,
}

impl InitOrder {
    /// The supervisor of what runs; none where a command runs once.
    pub fn running(&self) -> Option<Runit> {
        match &self.instead {
            None => Some(self.runit.clone()),
            Some(Instead::Service(_)) => Some(self.alone()),
            Some(Instead::Once(_)) => None,
        }
    }

    /// The supervisor of a command that runs alone: its folder of services is beside the record of the start.
    pub fn alone(&self) -> Runit {
        let folder = self.record.parent().unwrap_or(Path::new("/run/slipway"));
        Runit { services: folder.join("services"), ..self.runit.clone() }
    }
}

/// A role of a service that runs something else than its image's services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Instead {
    /// This shell command is the only service: it is started again when it ends.
    Service(String),
    /// This shell command runs once, and with it the container ends.
    Once(String),
}

/// `slipway-agent push ORDER`: wait for what the build beside this container leaves, make an image of it, push that, and
/// tell the operator all the while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PushOrder {
    /// What the image is made of.
    pub identity: Identity,
    /// The volume: [`BuildOrder::output`] of the build.
    pub input: PathBuf,
    /// Image in which is built, by digest: the base, or the image of an ancestor. Example:
    /// `registry:5000/base@sha256:…`.
    pub base: String,
    /// Where the new image goes: its name as a candidate. Example: `registry:5000/www:3f2c-91ab-candidate`.
    pub target: String,
    /// The ancestor, when `base` is its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Ancestor>,
    /// URL of the service's repository; it may hold no credentials.
    pub source: String,
    /// Time of the newer of both commits, in seconds since 1970: when the image counts as made.
    pub newest: i64,
    /// Registries that are spoken to over plain HTTP, as host:port.
    #[serde(default)]
    pub plain_http_registries: Vec<String>,
    /// A `.dockerconfigjson` with the login to push with; none pushes as anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// Where is told how far it is, as [`BuildReport`](crate::BuildReport)s.
    pub report: ReportTo,
    /// How long the build may take until its record is there.
    pub wait_seconds: u32,
    /// Where the kubelet reads why a container ended.
    #[serde(default = "termination_log")]
    pub termination_log: PathBuf,
}

/// The image of an ancestor commit that was built in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ancestor {
    /// Its commit of the service's repository.
    pub commit: String,
    /// Builds between the new image and the last full one, the new one included.
    pub depth: u32,
}

/// Where the operator is told something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportTo {
    /// `http://` and an address.
    pub url: String,
    /// File with the token of this one pod.
    pub token_file: PathBuf,
}

/// The operator's end of both repositories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sources {
    /// `http://` and an address. `/service` and `/ops`, with `?to=SHA` and perhaps `&from=SHA`, are asked for below.
    pub url: String,
    /// File with the token of this one pod.
    pub token_file: PathBuf,
}

/// Where things are in a fat container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Folders {
    /// The service's repository.
    pub service: PathBuf,
    /// The ops repository.
    pub ops: PathBuf,
    /// The file in which an image says what it was built from: an [`Identity`] as JSON.
    pub image: PathBuf,
    /// For configuration and caches of the provisioner; no part of the image.
    pub scratch: PathBuf,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            service: "/srv/service".into(),
            ops: "/srv/ops".into(),
            image: "/var/lib/slipway/image.json".into(),
            scratch: "/var/lib/slipway/scratch".into(),
        }
    }
}

/// A provisioner, and for how long it may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provisioning {
    /// Which.
    pub with: With,
    /// After this time it and all it started is ended.
    pub timeout_seconds: u32,
}

/// The provisioners there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum With {
    /// Masterless salt.
    Salt(Salt),
    /// Any program, in the folder of the ops repository. It gets `SERVICE`, `SERVICE_SHA` and `OPS_SHA`.
    Command(Vec<String>),
}

/// Masterless salt: states and pillars of the ops repository, with the service's name as the grain `role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Salt {
    /// Folder of the states in the ops repository.
    pub states: String,
    /// Folder of the pillars in the ops repository.
    pub pillar: String,
    /// States to apply; none means all that `top.sls` gives to this role.
    pub apply: Vec<String>,
    /// The program.
    pub program: String,
}

impl Default for Salt {
    fn default() -> Self {
        let [states, pillar, program] = ["states", "pillar", "salt-call"].map(str::to_owned);
        Self { states, pillar, apply: Vec::new(), program }
    }
}

/// runit, which runs the processes of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Runit {
    /// The folder with one folder for each service that runs.
    pub services: PathBuf,
    /// The program that watches it.
    pub runsvdir: PathBuf,
    /// The program that talks to services.
    pub sv: PathBuf,
    /// For how long a service has to stay up before it counts as up.
    pub settle_seconds: u32,
}

impl Default for Runit {
    fn default() -> Self {
        Self {
            services: "/etc/service".into(),
            runsvdir: "runsvdir".into(),
            sv: "sv".into(),
            settle_seconds: 2,
        }
    }
}

fn root() -> PathBuf {
    "/".into()
}

/// The first day of 1980, before which there are no times in a zip archive.
fn earliest() -> i64 {
    315_532_800
}

fn a_minute() -> u32 {
    60
}

fn twenty_seconds() -> u32 {
    20
}

fn record() -> PathBuf {
    "/run/slipway/start.json".into()
}

fn termination_log() -> PathBuf {
    "/dev/termination-log".into()
}
