//! What both ends say to each other, as JSON in frames; trees, archives and output follow as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::rules::Rules;
use crate::ProvisionRecord;

/// Which way of speaking this is.
pub const VERSION: u32 = 1;

/// `slipway-agent sync ORDER`: what the command line asks of the agent in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncOrder {
    /// The folder that is mirrored: `run.mount` of the manifest.
    pub mount: PathBuf,
    /// A folder outside of it, in which the agent remembers that a reload is due.
    #[serde(default = "state")]
    pub state: PathBuf,
    /// How long a reload may take.
    #[serde(default = "two_minutes")]
    pub reload_seconds: u32,
}

impl SyncOrder {
    /// Of this folder, and for the rest as usual.
    pub fn new(mount: impl Into<PathBuf>) -> Self {
        Self { mount: mount.into(), state: state(), reload_seconds: two_minutes() }
    }
}

fn state() -> PathBuf {
    "/tmp/.slipway".into()
}

fn two_minutes() -> u32 {
    120
}

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Question {
    /// From now on this is ignored. There is no answer.
    Rules(Rules),
    /// How is your tree? [`Answer::Same`], or [`Answer::Tree`].
    Look {
        /// Fingerprint of the tree as it is known.
        known: Option<String>,
    },
    /// Carry out the archive that follows as data. [`Answer::Edited`].
    Edit,
    /// Run this command. Its output comes as data, then [`Answer::Reloaded`].
    Reload {
        /// Shell command.
        command: String,
    },
    /// Provision this container from the ops repository that is here. [`Answer::Provisioned`].
    Provision,
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// The first word.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// Whether files were changed after which no reload ran.
        reload_due: bool,
    },
    /// The tree is as it is known.
    Same,
    /// The tree follows as data.
    Tree {
        /// Other volumes below the mount.
        gaps: Vec<Vec<u8>>,
    },
    /// What was sent is in its place.
    Edited {
        /// Digest of the tree as it is now.
        digest: String,
        /// Files and links written.
        written: u64,
        /// Files and links removed.
        removed: u64,
        /// What could not be done.
        problems: Vec<Problem>,
    },
    /// The command ended.
    Reloaded {
        /// Its code, 128 and a signal's number; none when it took too long.
        code: Option<i32>,
    },
    /// The provisioner ended.
    Provisioned(Box<Provisioned>),
    /// It cannot be done.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// Something of one file could not be done; all else was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, escaped.
    pub path: String,
    /// Why.
    pub why: String,
}

/// How provisioning from a mirrored ops repository went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    /// What the provisioner said.
    pub record: ProvisionRecord,
    /// Services that were restarted, because something may have changed below them.
    pub restarted: Vec<String>,
    /// Why they are not up after that; none when they are.
    pub down: Option<String>,
}

impl Provisioned {
    /// Whether the container is as the ops repository says, and its services are up.
    pub fn is_good(&self) -> bool {
        self.record.error.is_none() && self.down.is_none()
    }
}
