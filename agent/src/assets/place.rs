//! A folder of an asset: looked at, copied, removed. No link is followed on the way to it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use super::AssetError;
use crate::live::{Cache, LiveTree, Node, Rules, Ruling, look};

const OUTSIDE: &str = "its path leads out of the repository: write one below its root";
const IN_THE_WAY: &str = "a folder above it is a file or a symbolic link: name another `output`";
const NO_FOLDER: &str = "its command left no folder there: it has to write one";

/// Where an output is in a tree. A file or a link above it is refused.
pub(super) fn inside(root: &Path, output: &str) -> Result<PathBuf, AssetError> {
    let wrong = |why| AssetError::Output { output: output.to_owned(), why };
    let mut parts = Vec::new();
    for part in Path::new(output).components() {
        let Component::Normal(name) = part else { return Err(wrong(OUTSIDE)) };
        parts.push(name);
    }
    let Some((last, above)) = parts.split_last() else { return Err(wrong(OUTSIDE)) };
    let mut place = root.to_owned();
    for name in above {
        place.push(name);
        match fs::symlink_metadata(&place) {
            Ok(found) if !found.is_dir() => return Err(wrong(IN_THE_WAY)),
            Ok(_) => {}
            // What is below something that is not there is not there either.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(AssetError::system("look at", place)(error)),
        }
    }
    Ok(place.join(last))
}

/// What is in the folder; none when it is no folder.
pub(super) fn seen(place: &Path) -> Result<Option<LiveTree>, AssetError> {
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => {
            let mut all = Ruling::new(Rules::default());
            let tree = look(place, &mut all, false, &BTreeSet::new(), &mut Cache::default());
            tree.map(Some).map_err(|source| AssetError::Look { path: place.to_owned(), source })
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AssetError::system("look at", place)(error)),
    }
}

/// Removes whatever is there.
pub(super) fn remove(place: &Path) -> Result<(), AssetError> {
    let removed = match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(AssetError::system("remove", place)(error))
        }
        _ => Ok(()),
    }
}

/// Copies the output of a command to its place in the service's tree, instead of what is there. Returns the digest of the
/// copy. Owners, times and the other bits of a mode are not copied: they differ from run to run.
pub(super) fn copy(output: &str, from: &Path, to: &Path) -> Result<String, AssetError> {
    let found = seen(&inside(from, output)?)?;
    let tree = found.ok_or_else(|| AssetError::Output { output: output.to_owned(), why: NO_FOLDER })?;
    let (from, place) = (inside(from, output)?, inside(to, output)?);
    remove(&place)?;
    fs::create_dir_all(&place).map_err(AssetError::system("make", &place))?;
    for (path, node) in &tree.nodes {
        let path = OsStr::from_bytes(path);
        put(&from.join(path), &place.join(path), node)
            .map_err(AssetError::system("write", place.join(path)))?;
    }
    Ok(tree.digest())
}

fn put(from: &Path, to: &Path, node: &Node) -> io::Result<()> {
    match node {
        Node::Folder { .. } => fs::create_dir(to)?,
        Node::File { executable, .. } => {
            fs::copy(from, to)?;
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(to, Permissions::from_mode(mode))?;
        }
        Node::Link(target) => symlink(OsStr::from_bytes(target), to)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/etc", folder.path().join("link")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        for wrong in ["", ".", "..", "a/../../b", "/etc", "link/x", "file/x"] {
            assert!(inside(folder.path(), wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(inside(folder.path(), "a/b").unwrap(), folder.path().join("a/b"));
    }

    #[test]
    fn a_copy_is_what_was_there_and_replaces_a_link_instead_of_following_it() {
        let (from, to, other) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(from.path().join("out/empty")).unwrap();
        fs::write(from.path().join("out/a"), "1").unwrap();
        symlink("a", from.path().join("out/b")).unwrap();
        symlink(other.path(), to.path().join("out")).unwrap();
        let digest = copy("out", from.path(), to.path()).unwrap();
        assert_eq!(seen(&to.path().join("out")).unwrap().unwrap().digest(), digest);
        assert_eq!(fs::read_to_string(to.path().join("out/b")).unwrap(), "1");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
        assert!(copy("none", from.path(), to.path()).unwrap_err().to_string().contains("no folder"));
    }
}
