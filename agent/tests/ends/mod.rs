//! Both ends of a sync, connected by a socket, and what trees look like to both.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::{self, JoinHandle};

use slipway_agent::live::{LiveError, Outgoing, Sender, SyncOrder, WorkingTree, serve};
use tempfile::TempDir;

/// A working tree, a container's folder, and what the agent there remembers.
pub struct Place {
    pub work: TempDir,
    pub mount: TempDir,
    pub state: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = || tempfile::tempdir().unwrap();
        Self { work: folder(), mount: folder(), state: folder() }
    }

    pub fn tree(&self) -> WorkingTree {
        WorkingTree::new(self.work.path()).unwrap()
    }

    /// Our end, and the other, which ends with it.
    pub fn connect(&self) -> (Sender<BufReader<UnixStream>, UnixStream>, JoinHandle<Result<(), LiveError>>) {
        self.connect_by(|stream| stream)
    }

    /// The same with something in the way out.
    pub fn connect_by<W: Write>(
        &self,
        way: impl FnOnce(UnixStream) -> W,
    ) -> (Sender<BufReader<UnixStream>, W>, JoinHandle<Result<(), LiveError>>) {
        let (here, there) = UnixStream::pair().unwrap();
        let mut order = SyncOrder::new(self.mount.path());
        order.state = self.state.path().join("agent");
        let serving = thread::spawn(move || {
            let outgoing = Outgoing::new(there.try_clone().unwrap());
            serve(&order, there, &outgoing)
        });
        let sender = Sender::greet(BufReader::new(here.try_clone().unwrap()), way(here)).unwrap();
        (sender, serving)
    }

    /// Whether both are the same, to who reads them.
    pub fn assert_equal(&self) {
        assert_eq!(contents(self.mount.path()), contents(self.work.path()));
    }
}

/// Kind, executability and content of everything in a folder.
pub fn contents(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stat = fs::symlink_metadata(&path).unwrap();
            let what = if stat.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if stat.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().into_os_string().into_vec().escape_ascii())
            } else {
                format!("{} {}", stat.mode() & 0o100, fs::read(&path).unwrap().escape_ascii())
            };
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().escape_ascii().to_string();
            found.insert(name, what);
        }
    }
    found
}

/// Writes files, and the folders above them.
pub fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A way out that breaks after so many bytes.
pub struct Cut {
    pub stream: UnixStream,
    pub left: usize,
}

impl Write for Cut {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            drop(self.stream.shutdown(std::net::Shutdown::Both));
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let written = self.stream.write(&buffer[..buffer.len().min(self.left)])?;
        self.left -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A way out on which something happens as soon as the archive of what differs is announced.
pub struct Meddling<F> {
    pub stream: UnixStream,
    pub then: Option<F>,
}

impl<F: FnOnce()> Write for Meddling<F> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.ends_with(b"\"edit\"")
            && let Some(then) = self.then.take()
        {
            then();
        }
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
