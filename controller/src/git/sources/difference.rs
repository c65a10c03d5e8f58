//! What differs between two trees.

use git2::{ObjectType, Odb, Oid, Repository, Tree, TreeEntry};

use super::{Entry, PATH_BYTES, What, joined, refused};
use crate::git::object::unusable;
use crate::git::tree::{sized, too_large};
use crate::git::{GitError, Limits, Remote};

const EXECUTABLE: i32 = 0o100;
const LINK: i32 = 0o120_000;

/// The entries that lead from one tree to the other, folders before what is in them; without `before` all of `after`.
pub(super) fn between(
    repository: &Repository,
    remote: &Remote,
    before: Option<&Tree<'_>>,
    after: &Tree<'_>,
    limits: &Limits,
) -> Result<Vec<Entry>, GitError> {
    let database = repository.odb().map_err(|source| unusable(remote, source))?;
    let mut walk = Walk { repository, database, remote, limits, seen: 0, bytes: 0, entries: Vec::new() };
    walk.folder(b"", before, after, 0)?;
    Ok(walk.entries)
}

struct Walk<'a> {
    repository: &'a Repository,
    database: Odb<'a>,
    remote: &'a Remote,
    limits: &'a Limits,
    seen: usize,
    bytes: usize,
    entries: Vec<Entry>,
}

impl<'a> Walk<'a> {
    fn folder(
        &mut self,
        path: &[u8],
        before: Option<&Tree<'_>>,
        after: &Tree<'_>,
        depth: usize,
    ) -> Result<(), GitError> {
        if depth > self.limits.depth {
            let what = format!("folder `{}`", path.escape_ascii());
            return Err(too_large(self.remote, what, self.limits.depth, "levels"));
        }
        for gone in before.iter().flat_map(|before| before.iter()) {
            if after.get_name_bytes(gone.name_bytes()).is_none() && refused(gone.name_bytes()).is_none() {
                self.entries.push(Entry { path: joined(path, gone.name_bytes()), what: What::Gone, time: 0 });
            }
        }
        for entry in after {
            let old = before.and_then(|before| before.get_name_bytes(entry.name_bytes()));
            let is_same =
                old.as_ref().is_some_and(|old| (old.id(), old.filemode()) == (entry.id(), entry.filemode()));
            if !is_same {
                self.changed(path, old.as_ref(), &entry, depth)?;
            }
        }
        Ok(())
    }

    fn changed(
        &mut self,
        folder: &[u8],
        old: Option<&TreeEntry<'_>>,
        entry: &TreeEntry<'_>,
        depth: usize,
    ) -> Result<(), GitError> {
        let path = self.checked(folder, entry.name_bytes())?;
        match entry.kind() {
            Some(ObjectType::Tree) => {
                let after = self.tree(entry.id(), &path)?;
                let old = old.filter(|old| old.kind() == Some(ObjectType::Tree));
                let before = old.map(|old| self.tree(old.id(), &path)).transpose()?;
                self.put(path.clone(), What::Folder(entry.id()));
                self.folder(&path, before.as_ref(), &after, depth + 1)
            }
            Some(ObjectType::Blob) => {
                let what = self.file(&path, entry)?;
                self.put(path, what);
                Ok(())
            }
            // A submodule: git makes its folder, and leaves it empty.
            _ => {
                self.put(path, What::Folder(entry.id()));
                Ok(())
            }
        }
    }

    fn put(&mut self, path: Vec<u8>, what: What) {
        self.entries.push(Entry { path, what, time: 0 });
    }

    /// The path of an entry whose name may be there.
    fn checked(&mut self, folder: &[u8], name: &[u8]) -> Result<Vec<u8>, GitError> {
        self.seen += 1;
        if self.seen > self.limits.entries {
            return Err(self.too_large("the number of names".to_owned(), self.limits.entries, "names"));
        }
        if let Some(reason) = refused(name) {
            let shown = name.get(..80).unwrap_or(name).escape_ascii();
            let reason = format!("a name in folder `/{}` {reason}: `{shown}`", folder.escape_ascii());
            return Err(GitError::TreeRefused { url: self.remote.url.clone(), reason });
        }
        let path = joined(folder, name);
        if path.len() > PATH_BYTES {
            return Err(self.too_large("a path".to_owned(), PATH_BYTES, "bytes"));
        }
        Ok(path)
    }

    fn file(&mut self, path: &[u8], entry: &TreeEntry<'_>) -> Result<What, GitError> {
        let id = entry.id();
        let (size, _) = self.database.read_header(id).map_err(|source| unusable(self.remote, source))?;
        if entry.filemode() == LINK {
            self.check_target(path, id, size)?;
            return Ok(What::Link(id));
        }
        if size > self.limits.source_file_bytes {
            let what = format!("file `{}`", path.escape_ascii());
            return Err(self.too_large(what, self.limits.source_file_bytes, "bytes"));
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.limits.source_bytes {
            return Err(self.too_large("all files".to_owned(), self.limits.source_bytes, "bytes"));
        }
        Ok(What::File { id, size, executable: entry.filemode() & EXECUTABLE != 0 })
    }

    fn check_target(&self, path: &[u8], id: Oid, size: usize) -> Result<(), GitError> {
        if size > PATH_BYTES {
            let what = format!("the target of the link `{}`", path.escape_ascii());
            return Err(self.too_large(what, PATH_BYTES, "bytes"));
        }
        let target = self.database.read(id).map_err(|source| unusable(self.remote, source))?;
        if target.data().is_empty() || target.data().contains(&0) {
            let reason = format!("the target of the link `{}` is no path", path.escape_ascii());
            return Err(GitError::TreeRefused { url: self.remote.url.clone(), reason });
        }
        Ok(())
    }

    fn tree(&self, id: Oid, path: &[u8]) -> Result<Tree<'a>, GitError> {
        let unreadable = |source| unusable(self.remote, source);
        if !sized(&self.database, id, self.limits.entry_bytes).map_err(unreadable)? {
            let what = format!("folder `{}`", path.escape_ascii());
            return Err(self.too_large(what, self.limits.entry_bytes, "bytes of names"));
        }
        self.repository.find_tree(id).map_err(unreadable)
    }

    fn too_large(&self, what: String, limit: usize, unit: &str) -> GitError {
        too_large(self.remote, what, limit, unit)
    }
}
