//! Files that somebody else may have put there: a link or a pipe is none.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens a regular file. A symbolic link is not followed: it could lead to what only the reader may see. Nobody waits for
/// the other end of a pipe.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

/// Reads a regular file of no more than this many bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
    }
    Ok(content)
}

/// Puts this content there; nobody ever reads half of it.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, content)?;
    fs::rename(&part, path)
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn only_a_regular_file_of_a_small_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, link) = (folder.path().join("secret"), folder.path().join("link"));
        fs::write(&secret, "1234").unwrap();
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        assert_eq!(read(&secret, 4).unwrap(), b"1234");
        assert_eq!(read(&secret, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(read(&link, 4).is_err(), "a link leads elsewhere");
        assert!(read(folder.path(), 4).is_err());
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(read(&pipe, 4).is_err());
    }
}
