//! A working tree, a container's folder, and what both look like to who reads them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use slipway_agent::live::WorkingTree;
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
