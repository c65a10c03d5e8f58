//! The archive of what differs, as the sending end writes it.

use std::io::{self, Read, Write};

use super::DIGEST;
use super::difference::Difference;
use super::error::LiveError;
use super::tree::{LiveTree, Node};
use super::working_tree::WorkingTree;
use crate::layer::{LayerError, LayerWriter, Limits, Metadata, Special, shown};

/// Writes what goes and what is put, and returns the bytes of the files. A file that changes meanwhile is not what its
/// digest says: the receiving end drops it, and the next look finds it.
pub(super) fn write(
    difference: &Difference,
    wanted: &LiveTree,
    from: &WorkingTree,
    to: impl Write,
) -> Result<u64, LiveError> {
    let mut writer = LayerWriter::new(to, Limits::default());
    for path in &difference.gone {
        writer.whiteout(path)?;
    }
    for path in &difference.put {
        match wanted.nodes.get(path) {
            Some(Node::Folder { .. }) => writer.directory(path, &Metadata::default())?,
            Some(Node::Link(target)) => {
                writer.special(path, &Metadata::default(), &Special::Symlink(target.clone()))?;
            }
            Some(Node::File { size, executable, digest }) => {
                file(&mut writer, path, *size, &metadata(*executable, digest), from)?;
            }
            None => {}
        }
    }
    let bytes = writer.bytes();
    writer.finish()?;
    Ok(bytes)
}

fn metadata(executable: bool, digest: &[u8; 32]) -> Metadata {
    let mode = if executable { 0o755 } else { 0o644 };
    Metadata { mode, attributes: [(DIGEST.to_owned(), digest.to_vec())].into(), ..Metadata::default() }
}

fn file(
    writer: &mut LayerWriter<impl Write>,
    path: &[u8],
    size: u64,
    metadata: &Metadata,
    from: &WorkingTree,
) -> Result<(), LiveError> {
    let opened =
        from.open(path).map_err(|source| LayerError::System { action: "read", path: shown(path), source })?;
    // Gone, or no file any more: the next look finds that out as well.
    let Some((file, _)) = opened else { return Ok(()) };
    Ok(writer.file(path, metadata, size, Filled { inner: file })?)
}

/// A file that is shorter than it was is filled up: an archive cannot take back the size that it has announced.
struct Filled<R> {
    inner: R,
}

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(0) | Err(_) => {
                buffer.fill(0);
                Ok(buffer.len())
            }
            read => read,
        }
    }
}
