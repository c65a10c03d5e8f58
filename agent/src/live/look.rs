//! Looks at a tree, and reads only what changed since the last look.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc::{ELOOP, ENXIO, O_NOFOLLOW, O_NONBLOCK};
use sha2::{Digest as _, Sha256};

use super::MOST_NODES;
use super::error::LiveError;
use super::rules::{Ruling, Verdict};
use super::tree::{LiveTree, Node};
use crate::layer::{join, split};

/// A change so soon after a look may leave every time as it is: file systems count in steps of up to two seconds.
const UNSETTLED_SECONDS: i64 = 3;
/// Bytes of an ignore file that are read.
const RULE_BYTES: u64 = 1 << 20;

/// Digests of files as they were at the last look.
#[derive(Debug, Default)]
pub struct Cache(BTreeMap<Vec<u8>, (Stamp, [u8; 32])>);

/// By what a file is known again. The time of the change itself cannot be set by anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(stat: &Metadata) -> Self {
        Self {
            device: stat.dev(),
            inode: stat.ino(),
            size: stat.len(),
            modified: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
        }
    }
}

/// Looks at everything below `root` but what is ignored, other volumes, and what has no content. With `reads_rules`
/// the ignore files of the tree count, as they are found.
pub fn look(
    root: &Path,
    ruling: &mut Ruling,
    reads_rules: bool,
    gaps: &BTreeSet<Vec<u8>>,
    cache: &mut Cache,
) -> Result<LiveTree, LiveError> {
    let settled = now() - UNSETTLED_SECONDS;
    let tree = LiveTree { nodes: BTreeMap::new(), gaps: gaps.clone() };
    let mut look = Look { root, settled, tree, known: std::mem::take(cache), seen: Cache::default() };
    let mut folders = vec![(Vec::new(), false)];
    while let Some((folder, only_tracked)) = folders.pop() {
        if reads_rules {
            look.rules_of(&folder, ruling)?;
        }
        look.list(&folder, only_tracked, ruling, &mut folders)?;
    }
    *cache = look.seen;
    Ok(look.tree)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

struct Look<'a> {
    root: &'a Path,
    settled: i64,
    tree: LiveTree,
    known: Cache,
    seen: Cache,
}

impl Look<'_> {
    fn place(&self, path: &[u8]) -> PathBuf {
        self.root.join(std::ffi::OsStr::from_bytes(path))
    }

    fn rules_of(&self, folder: &[u8], ruling: &mut Ruling) -> Result<(), LiveError> {
        let read = |name: &[u8]| -> Result<Option<String>, LiveError> {
            let path = join(folder, name);
            let opened = open(&self.place(&path)).map_err(LiveError::look("read", &path))?;
            let Some((file, _)) = opened else { return Ok(None) };
            let mut text = Vec::new();
            file.take(RULE_BYTES).read_to_end(&mut text).map_err(LiveError::look("read", &path))?;
            Ok(Some(String::from_utf8_lossy(&text).into_owned()))
        };
        if let Some(text) = read(b".gitignore")? {
            ruling.add_git(folder, text);
        }
        if let Some(text) = read(b".slipwayignore")? {
            ruling.add_own(folder, text);
        }
        Ok(())
    }

    fn list(
        &mut self,
        folder: &[u8],
        only_tracked: bool,
        ruling: &Ruling,
        folders: &mut Vec<(Vec<u8>, bool)>,
    ) -> Result<(), LiveError> {
        let listed = match fs::read_dir(self.place(folder)) {
            Ok(listed) => listed,
            // Gone since its own folder was listed.
            Err(error) if is_gone(&error) && !folder.is_empty() => return Ok(()),
            Err(error) => return Err(LiveError::look("list", folder)(error)),
        };
        for entry in listed {
            let entry = entry.map_err(LiveError::look("list", folder))?;
            let path = join(folder, &entry.file_name().into_vec());
            if self.tree.gaps.contains(&path) {
                self.hold(folder);
                continue;
            }
            let kind = entry.file_type().map_err(LiveError::look("look at", &path))?;
            let said = if only_tracked {
                ruling.verdict_of_tracked(&path, kind.is_dir())
            } else {
                ruling.verdict(&path, kind.is_dir())
            };
            if said == Verdict::Ignored {
                self.hold(folder);
                continue;
            }
            let Some(node) = self.node(&path, kind)? else {
                self.hold(folder);
                continue;
            };
            if node.is_folder() {
                folders.push((path.clone(), said == Verdict::OnlyTracked));
            }
            self.add(path, node)?;
        }
        Ok(())
    }

    fn add(&mut self, path: Vec<u8>, node: Node) -> Result<(), LiveError> {
        if self.tree.nodes.len() == MOST_NODES {
            return Err(LiveError::TooMany { limit: MOST_NODES });
        }
        self.tree.nodes.insert(path, node);
        Ok(())
    }

    /// This folder, and those above it, hold what is no part of the tree.
    fn hold(&mut self, folder: &[u8]) {
        let mut folder = folder;
        while let Some(Node::Folder { holds_others }) = self.tree.nodes.get_mut(folder) {
            if std::mem::replace(holds_others, true) {
                return;
            }
            folder = split(folder).0;
        }
    }

    /// None for what has no content, such as a socket, and for what is gone by now.
    fn node(&mut self, path: &[u8], kind: fs::FileType) -> Result<Option<Node>, LiveError> {
        let place = self.place(path);
        if kind.is_dir() {
            return Ok(Some(Node::Folder { holds_others: false }));
        }
        let read = if kind.is_symlink() {
            fs::read_link(place).map(|target| Some(Node::Link(target.into_os_string().into_vec())))
        } else if kind.is_file() {
            self.file(path, &place)
        } else {
            return Ok(None);
        };
        match read {
            Err(error) if is_gone(&error) => Ok(None),
            read => read.map_err(LiveError::look("read", path)),
        }
    }

    fn file(&mut self, path: &[u8], place: &Path) -> io::Result<Option<Node>> {
        let stat = fs::symlink_metadata(place)?;
        let known = self.known.0.get(path).filter(|(stamp, _)| *stamp == Stamp::of(&stat));
        if let Some((stamp, digest)) = known.filter(|_| stat.is_file()).copied() {
            self.seen.0.insert(path.to_vec(), (stamp, digest));
            return Ok(Some(node(&stat, stat.len(), digest)));
        }
        let Some((mut file, stat)) = open(place)? else { return Ok(None) };
        let (digest, size) = content(&mut file)?;
        let stamp = Stamp::of(&stat);
        if stamp.changed.0 < self.settled && size == stat.len() {
            self.seen.0.insert(path.to_vec(), (stamp, digest));
        }
        Ok(Some(node(&stat, size, digest)))
    }
}

fn node(stat: &Metadata, size: u64, digest: [u8; 32]) -> Node {
    Node::File { size, executable: stat.mode() & 0o100 != 0, digest }
}

/// A regular file, and never what a symbolic link leads to, nor a pipe that nobody writes to.
pub(super) fn open(place: &Path) -> io::Result<Option<(File, Metadata)>> {
    match File::options().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(place) {
        Ok(file) => {
            let stat = file.metadata()?;
            Ok(stat.is_file().then_some((file, stat)))
        }
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it is not there, or is something else by now.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), InvalidInput | IsADirectory | NotADirectory | NotFound)
        || matches!(error.raw_os_error(), Some(ELOOP | ENXIO))
}

/// Digest and bytes of what is read.
fn content(from: &mut impl Read) -> io::Result<([u8; 32], u64)> {
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((hash.finalize().into(), size)),
            Ok(read) => {
                hash.update(buffer.get(..read).unwrap_or_default());
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(root: &Path, cache: &mut Cache) -> LiveTree {
        look(root, &mut Ruling::default(), true, &BTreeSet::new(), cache).unwrap()
    }

    #[test]
    fn a_change_that_keeps_size_and_time_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut cache) = (folder.path().join("a"), Cache::default());
        fs::write(&path, "one").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let before = seen(folder.path(), &mut cache);
        fs::write(&path, "two").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        assert_ne!(seen(folder.path(), &mut cache), before);
    }

    #[test]
    fn what_is_ignored_is_told_by_the_folders_that_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("a/b/x.pyc", ""), ("c/.gitignore", "*.o"), ("c/x.o", ""), ("c/x.c", "")] {
            fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs::write(folder.path().join(path), text).unwrap();
        }
        fs::write(folder.path().join(".slipwayignore"), "*.pyc\n").unwrap();
        let tree = seen(folder.path(), &mut Cache::default());
        let told: Vec<_> = tree
            .nodes
            .iter()
            .map(|(path, node)| {
                let held = if *node == (Node::Folder { holds_others: true }) { "+" } else { "" };
                format!("{}{held}", path.escape_ascii())
            })
            .collect();
        assert_eq!(told, [".slipwayignore", "a+", "a/b+", "c+", "c/.gitignore", "c/x.c"]);
    }
}
