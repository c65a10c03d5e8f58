//! Carries out edits of a working tree in a folder, and nowhere else: file by file, each at one stroke.
//!
//! Unlike [`apply`](super::apply()) it goes on where one file cannot be written, removes nothing that the archive does
//! not name, and leaves owners as they are.

use std::fs::{self, File, Metadata as Stat, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{self as unix, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::apply::{Content, as_path};
use super::check::{PADDING, read_to_the_end};
use super::entry::{self, Entry, What};
use super::error::{LayerError, shown};
use super::folder::Folder;
use super::limits::Limits;
use super::{Metadata, Special, name};
use crate::live::{DIGEST, Problem, STAGING};

/// Most problems that are told one by one.
const MOST_PROBLEMS: usize = 20;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edited {
    /// Files and links written.
    pub(crate) written: u64,
    /// Files and links removed.
    pub(crate) removed: u64,
    /// What could not be done.
    pub(crate) problems: Vec<Problem>,
}

/// Carries out what the archive says.
pub(crate) fn edit(archive: impl Read, root: &Path) -> Result<Edited, LayerError> {
    let folder = Folder::root(root).map_err(LayerError::system("open", b"the folder to write to"))?;
    let staging = Staging::new(&folder).map_err(LayerError::system("make", STAGING))?;
    let mut editing = Editing { root: &folder, staging, done: Edited::default() };
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let mut entries = entry::entries(&mut archive, Limits::default())?;
    while let Some((entry, content)) = entries.next()? {
        editing.carry_out(&entry, content)?;
    }
    drop(entries);
    read_to_the_end(archive.into_inner(), PADDING)?;
    Ok(editing.done)
}

/// A folder on the same file system in which files are written. It goes in the end, and with it what was cut off.
struct Staging<'a> {
    root: &'a Folder,
    folder: Folder,
}

impl<'a> Staging<'a> {
    fn new(root: &'a Folder) -> io::Result<Self> {
        root.remove(STAGING)?;
        let folder = root.below(STAGING)?;
        fs::set_permissions(root.at(STAGING), Permissions::from_mode(0o700))?;
        Ok(Self { root, folder })
    }

    fn place(&self) -> PathBuf {
        self.folder.at(b"next")
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // Left over, it is ignored, and goes with the next archive.
        let _ = self.root.remove(STAGING);
    }
}

struct Editing<'a> {
    root: &'a Folder,
    staging: Staging<'a>,
    done: Edited,
}

impl Editing<'_> {
    fn carry_out(&mut self, entry: &Entry, content: impl Read) -> Result<(), LayerError> {
        let path = &entry.path;
        let kind = match &entry.what {
            What::Opaque => Some("an emptied folder"),
            What::Special(Special::Symlink(_)) | What::Whiteout | What::Directory | What::File(_) => None,
            What::Special(_) => Some("no file, folder or symbolic link"),
        };
        if let Some(kind) = kind {
            return Err(LayerError::Kind { path: shown(path), kind, place: "a working tree" });
        }
        let size = if let What::File(size) = entry.what { size } else { 0 };
        let mut content = Content { inner: content, left: size, is_damaged: false };
        match self.try_to(entry, &mut content) {
            Ok(()) => Ok(()),
            Err(source) if content.is_damaged => Err(LayerError::Damaged { path: shown(path), source }),
            Err(error) => {
                if self.done.problems.len() < MOST_PROBLEMS {
                    self.done.problems.push(Problem { path: shown(path), why: said(&error) });
                }
                Ok(())
            }
        }
    }

    fn try_to(&mut self, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        let (folder, name) = name::split(&entry.path);
        let Some(parent) = self.root.existing(folder)? else {
            // What is gone with its folder is gone.
            return if entry.what == What::Whiteout {
                Ok(())
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            };
        };
        let target = parent.at(name);
        match &entry.what {
            What::Whiteout => {
                self.done.removed += u64::from(discard(&target)?);
                return Ok(());
            }
            What::Directory => return directory(&parent, &target),
            What::File(_) => self.file(&parent, &target, &entry.metadata, content)?,
            What::Special(Special::Symlink(to)) => {
                self.stage(&parent, &target, |place| unix::symlink(as_path(to), place))?;
            }
            // Refused above.
            What::Opaque | What::Special(_) => return Ok(()),
        }
        self.done.written += 1;
        Ok(())
    }

    fn file(
        &self,
        parent: &Folder,
        target: &Path,
        meta: &Metadata,
        content: &mut impl Read,
    ) -> io::Result<()> {
        self.stage(parent, target, |place| {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(place)?;
            let mut hashing = Sha256::new();
            copy(content, &mut file, &mut hashing)?;
            if meta.attributes.get(DIGEST).map(Vec::as_slice) != Some(hashing.finalize().as_slice()) {
                return Err(io::Error::other("it changed while it was read"));
            }
            file.set_permissions(Permissions::from_mode(mode(target, meta.mode)))
        })
    }

    /// Makes something apart, and puts it in its place.
    fn stage(
        &self,
        parent: &Folder,
        target: &Path,
        make: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let place = self.staging.place();
        let put = make(&place).and_then(|()| {
            own_like(&place, target, parent)?;
            fs::rename(&place, target)
        });
        put.inspect_err(|_| drop(fs::remove_file(&place)))
    }
}

fn copy(from: &mut impl Read, to: &mut impl io::Write, hash: &mut Sha256) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        hash.update(bytes);
        to.write_all(bytes)?;
    }
}

/// Removes a file, a link, or an empty folder; whether it was a file or a link. A folder in which something is left stays.
fn discard(target: &Path) -> io::Result<bool> {
    let removed = match fs::symlink_metadata(target) {
        Ok(found) if found.is_dir() => fs::remove_dir(target).map(|()| false),
        Ok(_) => fs::remove_file(target).map(|()| true),
        Err(error) => Err(error),
    };
    match removed {
        Ok(was_file) => Ok(was_file),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn directory(parent: &Folder, target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(target) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => {
            fs::create_dir(target)?;
            own_like(target, target, parent)
        }
    }
}

/// The mode of a file that takes the place of another: as it was, but for who may execute it.
fn mode(target: &Path, wanted: u32) -> u32 {
    let before = fs::symlink_metadata(target).ok().filter(Stat::is_file);
    let Some(before) = before.map(|stat| stat.mode() & 0o777) else { return wanted };
    if wanted & 0o100 == 0 { before & !0o111 } else { before | 0o100 | ((before & 0o444) >> 2) }
}

/// What is new belongs to whom the old belonged, or else the folder.
fn own_like(place: &Path, target: &Path, parent: &Folder) -> io::Result<()> {
    let is = fs::symlink_metadata(place)?;
    let before = fs::symlink_metadata(target).ok().filter(|stat| !stat.is_dir());
    let like = before.map_or_else(|| fs::metadata(parent.at(b".")), Ok)?;
    if (is.uid(), is.gid()) == (like.uid(), like.gid()) {
        return Ok(());
    }
    match unix::lchown(place, Some(like.uid()), Some(like.gid())) {
        // Who may not give it away keeps it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
            "in the container it is a folder with ignored files: remove it there".to_owned()
        }
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "in the container an ignored file, or a link, is in its place: remove it there".to_owned()
        }
        io::ErrorKind::StorageFull => "the container's disk is full".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the container's user may not write there: give it the folder in the image".to_owned()
        }
        _ => error.to_string(),
    }
}
