//! What a container needs to have a commit of a repository: an archive as the agent reads it, straight from the object
//! database.
//!
//! ```text
//! prepare: trees compared, names and sizes checked ─► times from the history        write: one file after the other
//! ```
//! All that can be refused is refused before the first byte is sent.

mod difference;
mod times;
mod write;

use git2::{Oid, Repository};
use slipway_agent::layer::WHITEOUT;
use slipway_plan::commit::CommitId;

use super::object::{object, unusable};
use super::{GitError, Limits, Remote, history, name, tree};

pub(super) use write::write;

/// Bytes of a path, and of the target of a symbolic link: what systems take.
const PATH_BYTES: usize = 4095;

/// The entries of an archive, parents before what is in them. Contents are still in the mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    entries: Vec<Entry>,
}

impl Sources {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    path: Vec<u8>,
    what: What,
    /// Of the last commit that changed it, in seconds since 1970.
    time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// It is no longer there.
    Gone,
    /// A folder; that of a submodule is empty.
    Folder(Oid),
    File {
        id: Oid,
        size: usize,
        executable: bool,
    },
    Link(Oid),
}

impl What {
    /// The object it is; none when it is gone.
    fn id(self) -> Option<Oid> {
        match self {
            Self::Gone => None,
            Self::Folder(id) | Self::File { id, .. } | Self::Link(id) => Some(id),
        }
    }
}

/// What differs between `from`, or nothing at all, and `to`. None when `from` is not, or no longer, in the history of any
/// branch or tag: it is nothing to start from.
pub(super) fn prepare(
    repository: &Repository,
    remote: &Remote,
    from: Option<&CommitId>,
    to: &CommitId,
    limits: &Limits,
) -> Result<Option<Sources>, GitError> {
    let unreadable = |source| unusable(remote, source);
    if let Some(from) = from {
        let known = history::has_commit(repository, from)
            && history::is_reachable(repository, object(from).map_err(unreadable)?).map_err(unreadable)?;
        if !known {
            return Ok(None);
        }
    }
    let before = from.map(|from| tree::root(repository, remote, from, limits)).transpose()?;
    let after = tree::root(repository, remote, to, limits)?;
    let mut entries = difference::between(repository, remote, before.as_ref(), &after, limits)?;
    let to = object(to).map_err(unreadable)?;
    times::stamp(repository, to, &mut entries, limits).map_err(unreadable)?;
    Ok(Some(Sources { entries }))
}

/// Why a name cannot be in an archive.
fn refused(name: &[u8]) -> Option<&'static str> {
    if name.starts_with(WHITEOUT) {
        return Some("begins with .wh., which means in an archive that a file is gone");
    }
    name::check(name).err()
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

#[cfg(test)]
mod tests;
