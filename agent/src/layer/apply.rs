//! Unpacks an archive into a folder, and nowhere else.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{self as unix, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use flate2::read::GzDecoder;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;

use super::check::{PADDING, read_to_the_end};
use super::entry::{self, Entry, What};
use super::error::{LayerError, shown};
use super::folder::Folder;
use super::limits::Limits;
use super::{Metadata, Special, name};
use crate::tree::attributes;

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// All that a layer can hold.
    Everything,
    /// What a git repository can hold: folders, files, symbolic links; and that something is gone.
    Sources,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files and links written.
    pub written: u64,
    /// Files and folders removed because the archive says so.
    pub removed: u64,
    /// Bytes of the files written.
    pub bytes: u64,
}

/// Unpacks a gzip-compressed archive over what is in `root`. A path that leads through a symbolic link is an error.
pub fn apply(
    archive: impl Read,
    root: &Path,
    accepted: Accepted,
    limits: Limits,
) -> Result<Applied, LayerError> {
    let folder = Folder::root(root).map_err(LayerError::system("open", b"the folder to unpack into"))?;
    let mut unpacking = Unpacking { root: folder, accepted, folders: Vec::new(), done: Applied::default() };
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let mut entries = entry::entries(&mut archive, limits)?;
    while let Some((entry, content)) = entries.next()? {
        unpacking.put(&entry, content)?;
    }
    drop(entries);
    read_to_the_end(archive.into_inner(), PADDING)?;
    unpacking.finish()
}

struct Unpacking {
    root: Folder,
    accepted: Accepted,
    /// What is set when nothing is written below any more.
    folders: Vec<(Vec<u8>, Metadata)>,
    done: Applied,
}

impl Unpacking {
    fn put(&mut self, entry: &Entry, content: impl Read) -> Result<(), LayerError> {
        let path = &entry.path;
        let (folder, name) = name::split(path);
        let parent = self.root.below(folder).map_err(LayerError::system("open the folder of", path))?;
        if let What::Special(special) = &entry.what {
            self.accept(path, special)?;
        }
        let done = match &entry.what {
            What::Whiteout => parent.remove(name).map(|was| self.done.removed += u64::from(was)),
            What::Opaque => parent.empty(name).map(|removed| self.done.removed += removed),
            What::Directory => {
                self.folders.push((path.clone(), entry.metadata.clone()));
                directory(&parent, name)
            }
            What::File(size) => {
                self.done.written += 1;
                self.done.bytes += size;
                let mut content = Content { inner: content, left: *size, is_damaged: false };
                let written = file(&parent, name, &entry.metadata, &mut content);
                if content.is_damaged {
                    return written.map_err(|source| LayerError::Damaged { path: shown(path), source });
                }
                written
            }
            What::Special(special) => {
                self.done.written += 1;
                self.special(&parent, name, &entry.metadata, special)
            }
        };
        done.map_err(LayerError::system("write", path))
    }

    fn accept(&self, path: &[u8], special: &Special) -> Result<(), LayerError> {
        let kind = match special {
            Special::Symlink(_) => return Ok(()),
            Special::HardLink(_) => "a hard link",
            Special::Fifo => "a named pipe",
            Special::CharacterDevice { .. } => "a device",
        };
        match self.accepted {
            Accepted::Everything => Ok(()),
            Accepted::Sources => {
                Err(LayerError::Kind { path: shown(path), kind, place: "an archive of sources" })
            }
        }
    }

    fn special(&self, parent: &Folder, name: &[u8], meta: &Metadata, special: &Special) -> io::Result<()> {
        parent.remove(name)?;
        let path = parent.at(name);
        match special {
            Special::Symlink(target) => {
                unix::symlink(as_path(target), &path)?;
                unix::lchown(&path, Some(meta.uid), Some(meta.gid))?;
                return set_time(&path, meta);
            }
            Special::HardLink(first) => {
                let (folder, first) = name::split(first);
                return fs::hard_link(self.root.below(folder)?.at(first), &path);
            }
            Special::Fifo => mknod(&path, SFlag::S_IFIFO, Mode::S_IRUSR, 0)?,
            Special::CharacterDevice { major, minor } => {
                let device = makedev(u64::from(*major), u64::from(*minor));
                mknod(&path, SFlag::S_IFCHR, Mode::S_IRUSR, device)?;
            }
        }
        describe(&path, meta)
    }

    fn finish(self) -> Result<Applied, LayerError> {
        for (path, meta) in self.folders.iter().rev() {
            let (folder, name) = name::split(path);
            let described =
                self.root.below(folder).and_then(|parent| describe_folder(&parent.at(name), meta));
            described.map_err(LayerError::system("set owner and mode of", path))?;
        }
        Ok(self.done)
    }
}

fn directory(parent: &Folder, name: &[u8]) -> io::Result<()> {
    match fs::symlink_metadata(parent.at(name)) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => fs::remove_file(parent.at(name))?,
        Err(_) => {}
    }
    fs::create_dir(parent.at(name))
}

fn file(parent: &Folder, name: &[u8], meta: &Metadata, content: &mut impl Read) -> io::Result<()> {
    parent.remove(name)?;
    let path = parent.at(name);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    io::copy(content, &mut file)?;
    describe(&path, meta)
}

/// The content of one file; it knows whether what went wrong is the archive's fault.
pub(super) struct Content<R> {
    pub(super) inner: R,
    pub(super) left: u64,
    pub(super) is_damaged: bool,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        match self.inner.read(buffer) {
            Ok(0) => {
                self.is_damaged = true;
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends in the middle of it"))
            }
            Ok(read) => {
                self.left = self.left.saturating_sub(read as u64);
                Ok(read)
            }
            Err(error) => {
                self.is_damaged = error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }
}

/// Owner first: a change of owner takes away set-user-ID and capabilities. What is there was made here, just now, and
/// is no symbolic link.
fn describe(path: &Path, meta: &Metadata) -> io::Result<()> {
    unix::lchown(path, Some(meta.uid), Some(meta.gid))?;
    fs::set_permissions(path, Permissions::from_mode(meta.mode))?;
    attributes::write(path, &meta.attributes)?;
    set_time(path, meta)
}

/// A later entry may have replaced it by something else, such as a symbolic link to a folder that is not ours.
fn describe_folder(path: &Path, meta: &Metadata) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => describe(path, meta),
        _ => Ok(()),
    }
}

fn set_time(path: &Path, meta: &Metadata) -> io::Result<()> {
    let time = TimeSpec::new(meta.mtime, 0);
    Ok(utimensat(AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink)?)
}

pub(super) fn as_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
