//! Files at a commit, straight from the object database.

use std::path::Path;

use git2::{ErrorCode, ObjectType, Odb, Repository, Tree};
use slipway_plan::commit::CommitId;

use super::mirror::{object, unusable};
use super::{GitError, Limits, Remote};

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
    let entry = match root(repository, remote, commit)?.get_path(Path::new(path)) {
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
    let tree = folder(repository, remote, commit, path)?;
    let database = repository.odb().map_err(|source| unusable(remote, source))?;
    let mut reading = Reading { repository, database, remote, wanted, limits, bytes: 0, files: Vec::new() };
    reading.walk(&tree, path, 0)?;
    reading.files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(reading.files)
}

fn root<'a>(repository: &'a Repository, remote: &Remote, commit: &CommitId) -> Result<Tree<'a>, GitError> {
    let found = object(commit).and_then(|id| repository.find_commit(id));
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
) -> Result<Tree<'a>, GitError> {
    let tree = root(repository, remote, commit)?;
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

fn too_large(remote: &Remote, what: String, limit: usize, unit: &str) -> GitError {
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

struct Reading<'a> {
    repository: &'a Repository,
    database: Odb<'a>,
    remote: &'a Remote,
    wanted: fn(&str) -> bool,
    limits: &'a Limits,
    bytes: usize,
    files: Vec<TreeFile>,
}

impl Reading<'_> {
    fn walk(&mut self, tree: &Tree<'_>, prefix: &str, depth: usize) -> Result<(), GitError> {
        if depth > self.limits.depth {
            return Err(too_large(self.remote, format!("folder `{prefix}`"), self.limits.depth, "levels"));
        }
        for entry in tree {
            let name = String::from_utf8_lossy(entry.name_bytes());
            let path = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}/{name}") };
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let below = self.repository.find_tree(entry.id());
                    self.walk(&below.map_err(|source| unusable(self.remote, source))?, &path, depth + 1)?;
                }
                Some(ObjectType::Blob) if REGULAR.contains(&entry.filemode()) && (self.wanted)(&path) => {
                    self.take(path, entry.id())?;
                }
                _ => {}
            }
        }
        Ok(())
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
