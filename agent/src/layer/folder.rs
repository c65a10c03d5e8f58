//! A folder that is held open: what is done in it is done there, wherever its path leads by then.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

/// An open folder. Names in it are reached by `/proc/self/fd`, so that no part of a path is looked up twice.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// The folder at this path; the path itself is trusted.
    pub(super) fn root(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(openat(AT_FDCWD, path, flags, Mode::empty())?))
    }

    /// Where this name is. Never follow what is there.
    pub(super) fn at(&self, name: &[u8]) -> PathBuf {
        Path::new("/proc/self/fd").join(self.0.as_raw_fd().to_string()).join(OsStr::from_bytes(name))
    }

    /// The folder below, made when there is none. A symbolic link is not followed: it is an error.
    pub(super) fn below(&self, path: &[u8]) -> io::Result<Self> {
        let mut folder = Self(self.0.try_clone()?);
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            folder = match folder.child(name) {
                Err(Errno::ENOENT) => {
                    fs::create_dir(folder.at(name))?;
                    folder.child(name)?
                }
                other => other?,
            };
        }
        Ok(folder)
    }

    /// The folder below, none when there is none.
    pub(super) fn existing(&self, path: &[u8]) -> io::Result<Option<Self>> {
        let mut folder = Self(self.0.try_clone()?);
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            folder = match folder.child(name) {
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(None),
                other => other?,
            };
        }
        Ok(Some(folder))
    }

    fn child(&self, name: &[u8]) -> nix::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.0, OsStr::from_bytes(name), flags, Mode::empty()).map(Self)
    }

    /// Removes whatever has this name, with all that is in it; whether there was something.
    pub(super) fn remove(&self, name: &[u8]) -> io::Result<bool> {
        let path = self.at(name);
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes all that is in the folder of this name.
    pub(super) fn empty(&self, name: &[u8]) -> io::Result<u64> {
        let folder = self.below(name)?;
        let mut removed = 0;
        for entry in fs::read_dir(folder.at(b"."))? {
            removed += u64::from(folder.remove(entry?.file_name().as_bytes())?);
        }
        Ok(removed)
    }
}
