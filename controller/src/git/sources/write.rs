//! An archive of sources, written one file after the other.

use std::io::Write;

use git2::{Odb, Oid, Repository};
use slipway_agent::layer::{LayerWriter, Limits, Metadata, Special};

use super::{Entry, Sources, What};
use crate::git::object::unusable;
use crate::git::{GitError, Remote};

/// Writes what was prepared. No more than one file is in memory.
pub fn write<W: Write>(
    repository: &Repository,
    remote: &Remote,
    sources: &Sources,
    to: W,
) -> Result<W, GitError> {
    let database = repository.odb().map_err(|source| unusable(remote, source))?;
    let mut archive = LayerWriter::new(to, Limits::default());
    let unsent = |source| GitError::Unsent { url: remote.url.clone(), source };
    for entry in &sources.entries {
        let content = |id: Oid| read(&database, id).map_err(|source| unusable(remote, source));
        let written = match entry.what {
            What::Gone => archive.whiteout(&entry.path),
            What::Folder(_) => archive.directory(&entry.path, &meta(entry, 0o755)),
            What::Link(id) => {
                archive.special(&entry.path, &meta(entry, 0o777), &Special::Symlink(content(id)?))
            }
            What::File { id, size, executable } => {
                let mode = if executable { 0o755 } else { 0o644 };
                archive.file(&entry.path, &meta(entry, mode), size as u64, content(id)?.as_slice())
            }
        };
        written.map_err(unsent)?;
    }
    archive.finish().map(|sealed| sealed.inner).map_err(unsent)
}

fn meta(entry: &Entry, mode: u32) -> Metadata {
    Metadata { mode, mtime: entry.time, ..Metadata::default() }
}

fn read(database: &Odb<'_>, id: Oid) -> Result<Vec<u8>, git2::Error> {
    Ok(database.read(id)?.data().to_vec())
}
