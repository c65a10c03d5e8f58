//! A file tree as it is at one moment, what differs between two moments, and the layer that leads from one to the other.

pub(crate) mod attributes;
mod difference;
mod error;
mod layer;
mod left_out;
mod mounts;
mod scan;

pub use difference::{Change, changes};
pub use error::TreeError;
pub use layer::write_layer;
pub use left_out::LeftOut;
pub use mounts::mount_points;
pub use scan::scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::layer::{Metadata, Special};

/// A file tree. Paths are relative to its root, as bytes; the root itself is not in it, nor are sockets.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Where it is.
    pub root: PathBuf,
    /// What is in it. Byte order puts a folder before what is in it.
    pub nodes: BTreeMap<Vec<u8>, Node>,
    /// Folders of which something is not in here: mount points, and what is left out.
    pub gaps: BTreeSet<Vec<u8>>,
}

/// One file of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Owner, mode, time, attributes.
    pub metadata: Metadata,
    /// By what a file is known again.
    pub stamp: Stamp,
    /// Digest of the content where the stamp alone would not show a change.
    pub digest: Option<String>,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A regular file of this many bytes.
    File(u64),
    /// What has no content of its own; never a hard link, for each name of a file is a file here.
    Special(Special),
    /// A block device.
    BlockDevice,
}

/// What changes whenever the file does. The time of the change itself cannot be set by anyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// File system.
    pub device: u64,
    /// Number in it; names of the same file have the same.
    pub inode: u64,
    /// Names it has.
    pub links: u64,
    /// When content, owner, mode, name or attributes changed: seconds and nanoseconds.
    pub changed: (i64, i64),
    /// Nanoseconds of the time of the last change of the content.
    pub mtime_nanoseconds: i64,
}

impl Node {
    /// Whether other names of the same file may exist.
    pub fn is_linked(&self) -> bool {
        matches!(self.kind, Kind::File(_)) && self.stamp.links > 1
    }

    /// What names of the same file have in common.
    pub fn identity(&self) -> (u64, u64) {
        (self.stamp.device, self.stamp.inode)
    }
}
