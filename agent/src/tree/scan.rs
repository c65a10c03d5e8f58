//! Looks at every file of a tree once.

use std::fs::{self, File, Metadata as Stat};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::stat::{major, minor};

use super::left_out::LeftOut;
use super::{Kind, Node, Stamp, Tree, TreeError, attributes, mounts};
use crate::layer::{Hashing, Metadata, Special, join, shown};

/// A change so soon after the look may leave every time as it is: file systems count in steps of up to two seconds.
const UNSETTLED_SECONDS: i64 = 3;

/// Looks at everything below `root` but mount points and what is left out. Content is read only of files that changed
/// within the last seconds: of all others, a later change shows.
pub fn scan(root: &Path, left_out: &LeftOut) -> Result<Tree, TreeError> {
    let mountinfo = fs::read("/proc/self/mountinfo").map_err(refused("read", b"/proc/self/mountinfo"))?;
    let mut mounted = mounts::mount_points(&mountinfo, root);
    let mut tree = Tree { root: root.to_owned(), ..Tree::default() };
    let mut look = Look { left_out, unsettled: now() - UNSETTLED_SECONDS, tree: &mut tree };
    let mut folders = vec![Vec::new()];
    while let Some(folder) = folders.pop() {
        look.list(&folder, &mounted, &mut folders)?;
    }
    tree.gaps.append(&mut mounted);
    Ok(tree)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn refused(action: &'static str, path: &[u8]) -> impl FnOnce(io::Error) -> TreeError {
    move |source| TreeError::System { action, path: shown(path), source }
}

struct Look<'a> {
    left_out: &'a LeftOut,
    unsettled: i64,
    tree: &'a mut Tree,
}

impl Look<'_> {
    fn list(
        &mut self,
        folder: &[u8],
        mounted: &std::collections::BTreeSet<Vec<u8>>,
        folders: &mut Vec<Vec<u8>>,
    ) -> Result<(), TreeError> {
        if self.left_out.skips_content(folder) {
            self.tree.gaps.insert(folder.to_vec());
            return Ok(());
        }
        let only_folders = self.left_out.skips_files(folder);
        let place = self.tree.root.join(std::ffi::OsStr::from_bytes(folder));
        for entry in fs::read_dir(&place).map_err(refused("list", folder))? {
            let entry = entry.map_err(refused("list", folder))?;
            let path = join(folder, &entry.file_name().into_vec());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if mounted.contains(&path) {
                continue;
            }
            if only_folders && !is_folder {
                self.tree.gaps.insert(folder.to_vec());
                continue;
            }
            let Some(node) = self.node(&entry.path()).map_err(refused("look at", &path))? else { continue };
            if node.kind == Kind::Directory {
                folders.push(path.clone());
            }
            self.tree.nodes.insert(path, node);
        }
        Ok(())
    }

    /// None for a socket, which means nothing without its process, and for what is gone by now.
    fn node(&self, path: &Path) -> io::Result<Option<Node>> {
        let stat = match fs::symlink_metadata(path) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(kind) = kind(path, &stat)? else { return Ok(None) };
        let links_have_none = matches!(kind, Kind::Special(Special::Symlink(_)));
        let attributes = if links_have_none { <_>::default() } else { attributes::read(path)? };
        let is_unsettled = matches!(kind, Kind::File(_)) && stat.ctime() >= self.unsettled;
        let digest = if is_unsettled { Some(content_digest(path)?) } else { None };
        let metadata = Metadata {
            mode: stat.mode() & 0o7777,
            uid: stat.uid(),
            gid: stat.gid(),
            mtime: stat.mtime(),
            attributes,
        };
        Ok(Some(Node { kind, metadata, stamp: stamp(&stat), digest }))
    }
}

fn kind(path: &Path, stat: &Stat) -> io::Result<Option<Kind>> {
    let kind = stat.file_type();
    Ok(Some(if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File(stat.len())
    } else if kind.is_symlink() {
        Kind::Special(Special::Symlink(fs::read_link(path)?.into_os_string().into_vec()))
    } else if kind.is_fifo() {
        Kind::Special(Special::Fifo)
    } else if kind.is_char_device() {
        let number = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
        Kind::Special(Special::CharacterDevice {
            major: number(major(stat.rdev())),
            minor: number(minor(stat.rdev())),
        })
    } else if kind.is_block_device() {
        Kind::BlockDevice
    } else {
        return Ok(None);
    }))
}

fn stamp(stat: &Stat) -> Stamp {
    Stamp {
        device: stat.dev(),
        inode: stat.ino(),
        links: stat.nlink(),
        changed: (stat.ctime(), stat.ctime_nsec()),
        mtime_nanoseconds: stat.mtime_nsec(),
    }
}

/// Digest of what is in a file.
pub(super) fn content_digest(path: &Path) -> io::Result<String> {
    let mut hashing = Hashing::new(io::sink());
    io::copy(&mut File::open(path)?, &mut hashing)?;
    Ok(hashing.finish().1)
}
