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

use std::collections::HashSet;

use git2::{Oid, Repository};
use slipway_agent::layer::WHITEOUT;
use slipway_plan::build::assets::SourceFile;
use slipway_plan::commit::CommitId;

use super::object::{object, unusable};
use super::{GitError, Limits, Remote, history, name, tree};

pub(super) use write::write;

/// Bytes of a path, and of the target of a symbolic link: what systems take.
const PATH_BYTES: usize = 4095;

/// The first day of 1980, before which there are no times in a zip archive.
const INPUTS_TIME: i64 = 315_532_800;

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

/// All files and links of a commit.
pub(super) fn files(
    repository: &Repository,
    remote: &Remote,
    commit: &CommitId,
    limits: &Limits,
) -> Result<Vec<SourceFile>, GitError> {
    let tree = tree::root(repository, remote, commit, limits)?;
    let entries = difference::between(repository, remote, None, &tree, limits)?;
    let file = |entry: Entry| {
        let (mode, id) = match entry.what {
            What::File { id, executable: false, .. } => (0o100_644, id),
            What::File { id, executable: true, .. } => (0o100_755, id),
            What::Link(id) => (0o120_000, id),
            What::Gone | What::Folder(_) => return None,
        };
        Some(SourceFile { path: entry.path, mode, id: id.to_string() })
    };
    Ok(entries.into_iter().filter_map(file).collect())
}

/// The files and links of a commit that are wanted, and the folders that they are in. All have one time: what is made of
/// them depends on their content alone.
pub(super) fn some(
    repository: &Repository,
    remote: &Remote,
    commit: &CommitId,
    wanted: impl Fn(&[u8]) -> bool,
    limits: &Limits,
) -> Result<Sources, GitError> {
    let tree = tree::root(repository, remote, commit, limits)?;
    let mut entries = difference::between(repository, remote, None, &tree, limits)?;
    let is_file = |entry: &Entry| !matches!(entry.what, What::Folder(_));
    let files: Vec<Vec<u8>> = entries
        .iter()
        .filter(|entry| is_file(entry) && wanted(&entry.path))
        .map(|entry| entry.path.clone())
        .collect();
    let above = |path: &Vec<u8>| -> Vec<Vec<u8>> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        ends.filter_map(|(end, _)| path.get(..end).map(<[u8]>::to_vec)).collect()
    };
    let folders: HashSet<Vec<u8>> = files.iter().flat_map(above).collect();
    let files: HashSet<Vec<u8>> = files.into_iter().collect();
    entries.retain(
        |entry| if is_file(entry) { files.contains(&entry.path) } else { folders.contains(&entry.path) },
    );
    for entry in &mut entries {
        entry.time = INPUTS_TIME;
    }
    Ok(Sources { entries })
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
