//! A layer of an image as an archive: files, and whiteouts for what is gone. The same entries make the same bytes.
//!
//! Archives of sources ([`crate::sources`]) have the same form: one writer and one reader serve both.

mod check;
mod digest;
#[cfg_attr(not(feature = "program"), allow(dead_code, reason = "only what unpacks reads all of an entry"))]
mod entry;
mod error;
mod header;
mod limits;
mod name;
mod pax;
mod writer;

#[cfg(feature = "program")]
mod apply;
#[cfg(feature = "program")]
mod edit;
#[cfg(feature = "program")]
mod folder;

pub use check::{Checked, check};
pub use digest::{Hashing, sha256};
pub use error::LayerError;
pub use limits::Limits;
pub use name::{OPAQUE, WHITEOUT};
pub use writer::{Compressed, LayerWriter, Sealed};

pub(crate) use error::shown;
pub(crate) use name::{check as check_name, join, split};

#[cfg(feature = "program")]
pub use apply::{Accepted, Applied, apply};
#[cfg(feature = "program")]
pub(crate) use edit::edit;

use std::collections::BTreeMap;

/// Extended attributes: values by name.
pub type Attributes = BTreeMap<String, Vec<u8>>;

/// What an entry says about a file beside its name and its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits, with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change, in seconds since 1970.
    pub mtime: i64,
    /// Extended attributes.
    pub attributes: Attributes,
}

/// What a file is, as far as an archive can hold it; the content of regular files comes beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Special {
    /// A symbolic link to these bytes.
    Symlink(Vec<u8>),
    /// Another name of a file that came before it in the same archive.
    HardLink(Vec<u8>),
    /// A named pipe.
    Fifo,
    /// A character device.
    CharacterDevice {
        /// Its driver.
        major: u32,
        /// Which of the driver's.
        minor: u32,
    },
}
