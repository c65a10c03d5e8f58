//! The layer that leads from one look at a tree to the next.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use super::difference::{Change, changes};
use super::scan::content_digest;
use super::{Kind, Node, Tree, TreeError};
use crate::LayerRecord;
use crate::layer::{LayerError, LayerWriter, Limits, Metadata, Special, shown};
use nix::libc::O_NOFOLLOW;

/// The character devices that any container may have: null, zero, full, random, urandom, tty.
const HARMLESS: [(u32, u32); 6] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0)];

/// Writes the layer that turns what was `before` into what is `after`. Times later than `newest` become `newest`: what
/// the run made has one time, what came with a time keeps it.
pub fn write_layer(
    before: &Tree,
    after: &Tree,
    newest: i64,
    limits: Limits,
    to: impl Write,
) -> Result<LayerRecord, TreeError> {
    let mut writing = Writing { after, newest, writer: LayerWriter::new(to, limits), first: BTreeMap::new() };
    let same = |path: &[u8], digest: &str| -> Result<bool, TreeError> {
        let found = content_digest(&place(after, path)).map_err(LayerError::system("read", path))?;
        Ok(found == digest)
    };
    for (path, change) in changes(before, after, same)? {
        writing.change(&path, change)?;
    }
    let (entries, bytes) = (writing.writer.entries(), writing.writer.bytes());
    let sealed = writing.writer.finish()?;
    Ok(LayerRecord { digest: sealed.digest, diff_id: sealed.diff_id, size: sealed.size, entries, bytes })
}

fn place(tree: &Tree, path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    tree.root.join(std::ffi::OsStr::from_bytes(path))
}

struct Writing<'a, W: Write> {
    after: &'a Tree,
    newest: i64,
    writer: LayerWriter<W>,
    /// The first name of each file with more than one.
    first: BTreeMap<(u64, u64), Vec<u8>>,
}

impl<W: Write> Writing<'_, W> {
    fn change(&mut self, path: &[u8], change: Change) -> Result<(), LayerError> {
        match (change, self.after.nodes.get(path)) {
            (Change::Gone, _) => self.writer.whiteout(path),
            (Change::Put, Some(node)) => self.node(path, node),
            (Change::Replaced, Some(node)) => {
                self.node(path, node)?;
                self.writer.opaque(path)
            }
            (_, None) => Err(LayerError::Changed { path: shown(path) }),
        }
    }

    fn node(&mut self, path: &[u8], node: &Node) -> Result<(), LayerError> {
        let metadata = Metadata { mtime: node.metadata.mtime.min(self.newest), ..node.metadata.clone() };
        match &node.kind {
            Kind::Directory => self.writer.directory(path, &metadata),
            Kind::File(size) => self.file(path, node, &metadata, *size),
            Kind::Special(special) if is_harmless(special) => self.writer.special(path, &metadata, special),
            Kind::Special(_) | Kind::BlockDevice => {
                Err(LayerError::Kind { path: shown(path), kind: "a device", place: "an image" })
            }
        }
    }

    fn file(&mut self, path: &[u8], node: &Node, meta: &Metadata, size: u64) -> Result<(), LayerError> {
        if node.is_linked() {
            if let Some(first) = self.first.get(&node.identity()) {
                return self.writer.special(path, meta, &Special::HardLink(first.clone()));
            }
            self.first.insert(node.identity(), path.to_vec());
        }
        let file = self.open(path, node).map_err(LayerError::system("read", path))?;
        let Some(file) = file else { return Err(LayerError::Changed { path: shown(path) }) };
        self.writer.file(path, meta, size, file)
    }

    /// None when it is no longer the file that was looked at.
    fn open(&self, path: &[u8], node: &Node) -> io::Result<Option<File>> {
        let place = place(self.after, path);
        if !fs::symlink_metadata(&place)?.is_file() {
            return Ok(None);
        }
        let file = File::options().read(true).custom_flags(O_NOFOLLOW).open(place)?;
        let stat = file.metadata()?;
        let same = (stat.dev(), stat.ino()) == node.identity() && Kind::File(stat.len()) == node.kind;
        Ok(same.then_some(file))
    }
}

fn is_harmless(special: &Special) -> bool {
    match special {
        Special::CharacterDevice { major, minor } => HARMLESS.contains(&(*major, *minor)),
        _ => true,
    }
}
