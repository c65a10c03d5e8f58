//! What two trees of files differ in.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Paths that are not the same in both: kind, mode, owner, content.
pub fn differing(one: &Path, other: &Path) -> Vec<String> {
    let (mut one, other) = (described(one, one), described(other, other));
    let mut differing: Vec<String> = Vec::new();
    for (path, what) in other {
        if one.remove(&path) != Some(what) {
            differing.push(path);
        }
    }
    differing.extend(one.into_keys());
    differing
}

fn described(root: &Path, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stat = fs::symlink_metadata(&path).unwrap();
        let mut what = format!("{:o} {} {} ", stat.mode(), stat.uid(), stat.gid()).into_bytes();
        if stat.is_file() {
            what.extend(fs::read(&path).unwrap());
        } else if stat.is_symlink() {
            what.extend(fs::read_link(&path).unwrap().as_os_str().as_encoded_bytes());
        } else if stat.is_dir() {
            all.extend(described(root, &path));
        }
        all.insert(path.strip_prefix(root).unwrap().display().to_string(), what);
    }
    all
}
