//! What a folder holds.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// All that a folder holds, as text: kind, mode, owner, attributes, content, time of files, and which names are one file.
pub fn listing(root: &Path) -> Vec<String> {
    let (mut lines, mut firsts) = (Vec::new(), BTreeMap::new());
    let mut paths = Vec::new();
    collect(root, root, &mut paths);
    paths.sort();
    for (name, path) in paths {
        let stat = fs::symlink_metadata(&path).unwrap();
        let kind = stat.file_type();
        let what = if kind.is_file() {
            let first = firsts.entry(stat.ino()).or_insert_with(|| name.clone());
            let (time, first) = (stat.mtime(), first.escape_ascii().to_string());
            format!("{time} first {first} {}", fs::read(&path).unwrap().escape_ascii())
        } else if kind.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_vec().escape_ascii().to_string()
        } else {
            format!("{kind:?}")
        };
        let value = if kind.is_symlink() { None } else { xattr::get(&path, "user.test").unwrap_or_default() };
        let (mode, uid, gid) = (stat.mode(), stat.uid(), stat.gid());
        lines.push(format!("{} {mode:o} {uid}:{gid} {value:?} {what}", name.escape_ascii()));
    }
    lines
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<(Vec<u8>, PathBuf)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, into);
        }
        into.push((name, path));
    }
}
