//! A tree as it is mirrored: what git would record of each file, and folders.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use super::MOST_NODES;
use super::error::LiveError;
use crate::layer::{Hashing, Limits, check_name};

/// Bytes of a path, or of the target of a link.
const PATH_BYTES: usize = 4095;

/// One file, folder or symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder {
        /// Whether something is in it, or deeper, that is not part of the tree: then it cannot go.
        holds_others: bool,
    },
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// Whether its owner may execute it: all that git keeps of a mode.
        executable: bool,
        /// SHA-256 of the content.
        digest: [u8; 32],
    },
    /// A symbolic link to these bytes.
    Link(Vec<u8>),
}

impl Node {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }

    /// Whether both are the same to who reads them.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.is_folder() && other.is_folder()) || self == other
    }
}

/// A tree. Paths are relative to its root, as bytes; byte order puts a folder before what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveTree {
    /// What is in it.
    pub nodes: BTreeMap<Vec<u8>, Node>,
    /// Paths at and below which nobody looks: other volumes.
    pub gaps: BTreeSet<Vec<u8>>,
}

impl LiveTree {
    /// What is the same for trees of the same content.
    pub fn digest(&self) -> String {
        let plain = |node| if Node::is_folder(node) { &Node::Folder { holds_others: false } } else { node };
        hash(self.nodes.iter().map(|(path, node)| (path, plain(node))))
    }

    /// What is the same for trees of the same content whose folders could go equally well.
    pub fn fingerprint(&self) -> String {
        hash(self.nodes.iter())
    }

    /// Without what is at or below these paths.
    #[must_use]
    pub fn without(mut self, gaps: &BTreeSet<Vec<u8>>) -> Self {
        let is_at = |path: &[u8], gap: &[u8]| {
            path.strip_prefix(gap).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        self.nodes.retain(|path, _| !gaps.iter().any(|gap| is_at(path, gap)));
        self
    }

    /// Writes all of it.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        for (path, node) in &self.nodes {
            write_node(to, path, node)?;
        }
        Ok(())
    }

    /// Reads what [`write`](Self::write) wrote, to the end.
    pub fn read(mut from: impl Read) -> Result<Self, LiveError> {
        let mut tree = Self::default();
        while let Some((path, node)) = read_node(&mut from)? {
            if tree.nodes.len() == MOST_NODES {
                return Err(LiveError::TooMany { limit: MOST_NODES });
            }
            tree.nodes.insert(path, node);
        }
        Ok(tree)
    }
}

fn hash<'a>(nodes: impl Iterator<Item = (&'a Vec<u8>, &'a Node)>) -> String {
    let mut hashing = Hashing::new(io::sink());
    for (path, node) in nodes {
        // A sink takes everything.
        let _ = write_node(&mut hashing, path, node);
    }
    hashing.finish().1
}

fn write_node(to: &mut impl Write, path: &[u8], node: &Node) -> io::Result<()> {
    let (kind, flag) = match node {
        Node::Folder { holds_others } => (b'd', *holds_others),
        Node::File { executable, .. } => (b'f', *executable),
        Node::Link(_) => (b'l', false),
    };
    to.write_all(&[kind, flag.into()])?;
    write_bytes(to, path)?;
    match node {
        Node::Folder { .. } => Ok(()),
        Node::File { size, digest, .. } => {
            to.write_all(&size.to_be_bytes())?;
            to.write_all(digest)
        }
        Node::Link(target) => write_bytes(to, target),
    }
}

fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(|_| io::Error::other("a path is too long"))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(bytes)
}

fn read_node(from: &mut impl Read) -> Result<Option<(Vec<u8>, Node)>, LiveError> {
    let mut kind = [0];
    if from.read(&mut kind).map_err(LiveError::lost)? == 0 {
        return Ok(None);
    }
    let [flag] = read_array(from)?;
    let path = read_bytes(from)?;
    check_name(&path, &Limits::default())?;
    let node = match kind {
        [b'd'] => Node::Folder { holds_others: flag != 0 },
        [b'f'] => {
            let size = u64::from_be_bytes(read_array(from)?);
            Node::File { size, executable: flag != 0, digest: read_array(from)? }
        }
        [b'l'] => Node::Link(read_bytes(from)?),
        _ => return Err(LiveError::speech("an entry is of no known kind")),
    };
    Ok(Some((path, node)))
}

fn read_array<const N: usize>(from: &mut impl Read) -> Result<[u8; N], LiveError> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(LiveError::lost)?;
    Ok(bytes)
}

fn read_bytes(from: &mut impl Read) -> Result<Vec<u8>, LiveError> {
    let length = usize::from(u16::from_be_bytes(read_array(from)?));
    if length == 0 || length > PATH_BYTES {
        return Err(LiveError::speech("a path has an impossible length"));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).map_err(LiveError::lost)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> LiveTree {
        let nodes = [
            (b"bin".to_vec(), Node::Folder { holds_others: true }),
            (b"bin/run".to_vec(), Node::File { size: 3, executable: true, digest: [7; 32] }),
            (b"\xffnow".to_vec(), Node::Link(b"../bin".to_vec())),
        ];
        LiveTree { nodes: nodes.into(), gaps: BTreeSet::new() }
    }

    #[test]
    fn a_tree_is_read_back_as_it_was() {
        let mut bytes = Vec::new();
        tree().write(&mut bytes).unwrap();
        assert_eq!(LiveTree::read(bytes.as_slice()).unwrap(), tree());
        for cut in 1..bytes.len() {
            if let Ok(part) = LiveTree::read(&bytes[..cut]) {
                assert!(part.nodes.len() < tree().nodes.len(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for path in [&b"../x"[..], b"/etc/passwd", b"a/./b", b"a\0"] {
            let nodes = [(path.to_vec(), Node::Folder { holds_others: false })];
            let mut bytes = Vec::new();
            LiveTree { nodes: nodes.into(), gaps: BTreeSet::new() }.write(&mut bytes).unwrap();
            assert!(LiveTree::read(bytes.as_slice()).is_err(), "{path:?}");
        }
    }

    #[test]
    fn what_is_ignored_in_a_folder_does_not_change_the_digest_and_a_mode_does() {
        let mut other = tree();
        other.nodes.insert(b"bin".to_vec(), Node::Folder { holds_others: false });
        assert_eq!(other.digest(), tree().digest());
        other.nodes.insert(b"bin/run".to_vec(), Node::File { size: 3, executable: false, digest: [7; 32] });
        assert_ne!(other.digest(), tree().digest());
    }

    #[test]
    fn another_volume_is_left_out_with_all_in_it_and_nothing_else() {
        let left = tree().without(&[b"bin".to_vec(), b"\xff".to_vec()].into());
        assert_eq!(left.nodes.keys().collect::<Vec<_>>(), [b"\xffnow"]);
    }
}
