//! Files at a commit, straight from the object database.

mod changes;

use std::path::Path;

use git2::{ErrorCode, ObjectType, Odb, Repository, Tree, TreeEntry};
use slipway_plan::commit::CommitId;

use super::object::{object, unusable};
use super::{GitError, Limits, Remote, name};

pub(super) use changes::read_changes;
pub use changes::{Changes, Snapshot};

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Path from the root of the repository.
    pub path: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Nothing that was read: the file has this many bytes, more than [`Limits::file_bytes`].
    TooLarge(usize),
}

const REGULAR: [i32; 3] = [0o100_644, 0o100_755, 0o100_664];

/// One file, or `None` when there is no such file.
pub(super) fn read_file(
    repository: &Repository,
    remote: &Remote,
    commit: &CommitId,
    path: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, GitError> {
    let failed = |source| unusable(remote, source);
    let entry = match root(repository, remote, commit, limits)?.get_path(Path::new(path)) {
        Ok(entry) if REGULAR.contains(&entry.filemode()) => entry,
        Ok(_) => return Ok(None),
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let database = repository.odb().map_err(failed)?;
    match content(&database, entry.id(), limits).map_err(failed)? {
        Content::Bytes(bytes) => Ok(Some(bytes)),
        Content::TooLarge(_) => Err(too_large(remote, format!("file `{path}`"), limits.file_bytes, "bytes")),
    }
}

/// The files below `path` that `wanted` accepts.
pub(super) fn read_tree(
    repository: &Repository,
    remote: &Remote,
    commit: &CommitId,
    path: &str,
    wanted: fn(&str) -> bool,
    limits: &Limits,
) -> Result<Vec<TreeFile>, GitError> {
    let path = path.trim_matches('/');
    let tree = folder(repository, remote, commit, path, limits)?;
    let mut reading = Reading::start(repository, remote, wanted, limits)?;
    reading.walk(&tree, path, 0)?;
    reading.files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(reading.files)
}

/// The root folder of a commit.
pub(super) fn root<'a>(
    repository: &'a Repository,
    remote: &Remote,
    commit: &CommitId,
    limits: &Limits,
) -> Result<Tree<'a>, GitError> {
    let database = repository.odb().map_err(|source| unusable(remote, source))?;
    let is_small = |id: git2::Oid, what: &str| match sized(&database, id, limits.entry_bytes) {
        Ok(false) => Err(too_large(remote, what.to_owned(), limits.entry_bytes, "bytes")),
        // One that is not there is told below.
        Ok(true) | Err(_) => Ok(()),
    };
    let id = object(commit).map_err(|source| unusable(remote, source))?;
    is_small(id, "the commit")?;
    let found = repository.find_commit(id);
    if let Ok(found) = &found {
        is_small(found.tree_id(), "the root folder")?;
    }
    match found {
        Ok(found) => found.tree().map_err(|source| unusable(remote, source)),
        Err(error) if error.code() == ErrorCode::NotFound => Err(GitError::ReferenceNotFound {
            url: remote.url.clone(),
            reference: format!("commit {commit}"),
        }),
        Err(source) => Err(unusable(remote, source)),
    }
}

fn folder<'a>(
    repository: &'a Repository,
    remote: &Remote,
    commit: &CommitId,
    path: &str,
    limits: &Limits,
) -> Result<Tree<'a>, GitError> {
    let tree = root(repository, remote, commit, limits)?;
    if path.is_empty() || path == "." {
        return Ok(tree);
    }
    let found = tree.get_path(Path::new(path)).and_then(|entry| repository.find_tree(entry.id()));
    found.map_err(|_| GitError::PathNotFound {
        url: remote.url.clone(),
        commit: commit.clone(),
        path: path.to_owned(),
    })
}

/// A cap is exceeded.
pub(super) fn too_large(remote: &Remote, what: String, limit: usize, unit: &str) -> GitError {
    GitError::TooLarge { url: remote.url.clone(), what, limit: format!("{limit} {unit}") }
}

// The size is asked first: a small pack can hold a file that fills the memory.
fn content(database: &Odb<'_>, id: git2::Oid, limits: &Limits) -> Result<Content, git2::Error> {
    let (size, _) = database.read_header(id)?;
    if size > limits.file_bytes {
        return Ok(Content::TooLarge(size));
    }
    Ok(Content::Bytes(database.read(id)?.data().to_vec()))
}

/// Whether an object is no larger than that. It is asked before the object is read.
pub(super) fn sized(database: &Odb<'_>, id: git2::Oid, limit: usize) -> Result<bool, git2::Error> {
    database.read_header(id).map(|(size, _)| size <= limit)
}

struct Reading<'a> {
    repository: &'a Repository,
    database: Odb<'a>,
    remote: &'a Remote,
    wanted: fn(&str) -> bool,
    limits: &'a Limits,
    seen: usize,
    bytes: usize,
    files: Vec<TreeFile>,
}

impl<'a> Reading<'a> {
    fn start(
        repository: &'a Repository,
        remote: &'a Remote,
        wanted: fn(&str) -> bool,
        limits: &'a Limits,
    ) -> Result<Self, GitError> {
        let database = repository.odb().map_err(|source| unusable(remote, source))?;
        Ok(Self { repository, database, remote, wanted, limits, seen: 0, bytes: 0, files: Vec::new() })
    }

    fn walk(&mut self, tree: &Tree<'_>, prefix: &str, depth: usize) -> Result<(), GitError> {
        self.check_depth(prefix, depth)?;
        tree.iter().try_for_each(|entry| self.entry(&entry, prefix, depth))
    }

    fn check_depth(&self, prefix: &str, depth: usize) -> Result<(), GitError> {
        if depth > self.limits.depth {
            return Err(too_large(self.remote, format!("folder `{prefix}`"), self.limits.depth, "levels"));
        }
        Ok(())
    }

    /// Takes a file, or all files of a folder.
    fn entry(&mut self, entry: &TreeEntry<'_>, prefix: &str, depth: usize) -> Result<(), GitError> {
        let path = self.checked_path(entry, prefix)?;
        match entry.kind() {
            Some(ObjectType::Tree) => {
                let below = self.folder(entry.id(), &path)?;
                self.walk(&below, &path, depth + 1)
            }
            Some(ObjectType::Blob) if REGULAR.contains(&entry.filemode()) && (self.wanted)(&path) => {
                self.take(path, entry.id())
            }
            _ => Ok(()),
        }
    }

    /// The path of an entry whose name may be there.
    fn checked_path(&mut self, entry: &TreeEntry<'_>, prefix: &str) -> Result<String, GitError> {
        // A folder may be in many places: a few small ones make a tree without end.
        self.seen += 1;
        if self.seen > self.limits.entries {
            return Err(too_large(
                self.remote,
                "the number of names".to_owned(),
                self.limits.entries,
                "names",
            ));
        }
        let name = String::from_utf8_lossy(entry.name_bytes());
        let path = joined(prefix, &name);
        let is_read = match entry.kind() {
            Some(ObjectType::Tree) => true,
            Some(ObjectType::Blob) => REGULAR.contains(&entry.filemode()) && (self.wanted)(&path),
            _ => false,
        };
        match name::check(entry.name_bytes()) {
            Err(reason) => Err(self.refused(prefix, &name, reason)),
            Ok(name::Text::No) if is_read => Err(self.refused(prefix, &name, "is not UTF-8")),
            Ok(_) => Ok(path),
        }
    }

    fn folder(&self, id: git2::Oid, path: &str) -> Result<Tree<'a>, GitError> {
        let sized = sized(&self.database, id, self.limits.entry_bytes);
        if !sized.map_err(|source| unusable(self.remote, source))? {
            let limit = self.limits.entry_bytes;
            return Err(too_large(self.remote, format!("folder `{path}`"), limit, "bytes of names"));
        }
        self.repository.find_tree(id).map_err(|source| unusable(self.remote, source))
    }

    fn refused(&self, folder: &str, name: &str, reason: &str) -> GitError {
        let shown: String = name.escape_debug().take(80).collect();
        let folder = if folder.is_empty() { "/" } else { folder };
        let reason = format!("a name in folder `{folder}` {reason}: `{shown}`");
        GitError::TreeRefused { url: self.remote.url.clone(), reason }
    }

    fn take(&mut self, path: String, id: git2::Oid) -> Result<(), GitError> {
        if self.files.len() >= self.limits.files {
            return Err(too_large(self.remote, "the number of files".to_owned(), self.limits.files, "files"));
        }
        let content =
            content(&self.database, id, self.limits).map_err(|source| unusable(self.remote, source))?;
        if let Content::Bytes(bytes) = &content {
            self.bytes += bytes.len();
        }
        if self.bytes > self.limits.tree_bytes {
            let limit = self.limits.tree_bytes;
            return Err(too_large(self.remote, "the size of all files".to_owned(), limit, "bytes"));
        }
        self.files.push(TreeFile { path, content });
        Ok(())
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}
