//! What differs between the files of two commits: what is the same is not read again.

use std::collections::BTreeMap;

use git2::{ObjectType, Repository, Tree, TreeEntry};
use slipway_plan::commit::CommitId;

use super::{Content, REGULAR, Reading, TreeFile, folder, joined};
use crate::git::{GitError, Limits, Remote};

/// Which files a tree had, so that the tree of a later commit is read by its differences only.
#[derive(Clone, Debug)]
pub struct Snapshot {
    commit: CommitId,
    path: String,
    sizes: BTreeMap<String, usize>,
}

/// What differs from a snapshot.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Files that are new or other than they were.
    pub files: Vec<TreeFile>,
    /// Paths of files that are there no more.
    pub gone: Vec<String>,
    /// What is there now.
    pub snapshot: Snapshot,
}

impl Snapshot {
    /// Of all files below a path.
    pub fn of(commit: &CommitId, path: &str, files: &[TreeFile]) -> Self {
        let sizes = files.iter().map(|file| (file.path.clone(), size(file))).collect();
        Self { commit: commit.clone(), path: path.to_owned(), sizes }
    }

    fn after(&self, commit: &CommitId, files: &[TreeFile], gone: &[String]) -> Self {
        let mut sizes = self.sizes.clone();
        sizes.retain(|path, _| !gone.contains(path));
        sizes.extend(files.iter().map(|file| (file.path.clone(), size(file))));
        Self { commit: commit.clone(), path: self.path.clone(), sizes }
    }

    fn is_within(&self, limits: &Limits) -> bool {
        self.sizes.len() <= limits.files && self.sizes.values().sum::<usize>() <= limits.tree_bytes
    }
}

fn size(file: &TreeFile) -> usize {
    match &file.content {
        Content::Bytes(bytes) => bytes.len(),
        Content::TooLarge(_) => 0,
    }
}

/// What differs; none when that cannot be told, or is more than is read: then the whole tree says what is the matter.
pub(in crate::git) fn read_changes(
    repository: &Repository,
    remote: &Remote,
    before: &Snapshot,
    commit: &CommitId,
    wanted: fn(&str) -> bool,
    limits: &Limits,
) -> Option<Changes> {
    let path = before.path.trim_matches('/');
    let at = |commit| folder(repository, remote, commit, path, limits);
    let (old, new) = (at(&before.commit).ok()?, at(commit).ok()?);
    let mut reading = Reading::start(repository, remote, wanted, limits).ok()?;
    let mut gone = Vec::new();
    reading.compare(&old, &new, path, 0, &mut gone).ok()?;
    let files = reading.files;
    let snapshot = before.after(commit, &files, &gone);
    snapshot.is_within(limits).then_some(Changes { files, gone, snapshot })
}

impl Reading<'_> {
    /// Takes what `new` has and `old` has not, and lists what only `old` has.
    fn compare(
        &mut self,
        old: &Tree<'_>,
        new: &Tree<'_>,
        prefix: &str,
        depth: usize,
        gone: &mut Vec<String>,
    ) -> Result<(), GitError> {
        self.check_depth(prefix, depth)?;
        for entry in new {
            let before = old.get_name_bytes(entry.name_bytes());
            match before {
                // Its names were checked when it was read.
                Some(before) if before.id() == entry.id() && before.filemode() == entry.filemode() => {}
                Some(before) if is_folder(&before) && is_folder(&entry) => {
                    let path = self.checked_path(&entry, prefix)?;
                    let (old, new) = (self.folder(before.id(), &path)?, self.folder(entry.id(), &path)?);
                    self.compare(&old, &new, &path, depth + 1, gone)?;
                }
                Some(before) => {
                    self.list(&before, prefix, depth, gone)?;
                    self.entry(&entry, prefix, depth)?;
                }
                None => self.entry(&entry, prefix, depth)?,
            }
        }
        for before in old {
            if new.get_name_bytes(before.name_bytes()).is_none() {
                self.list(&before, prefix, depth, gone)?;
            }
        }
        // What has other content under the same path is not gone.
        gone.retain(|path| self.files.iter().all(|file| file.path != *path));
        Ok(())
    }

    /// All wanted files of an entry.
    fn list(
        &self,
        entry: &TreeEntry<'_>,
        prefix: &str,
        depth: usize,
        found: &mut Vec<String>,
    ) -> Result<(), GitError> {
        self.check_depth(prefix, depth)?;
        let path = joined(prefix, &String::from_utf8_lossy(entry.name_bytes()));
        if is_folder(entry) {
            for below in &self.folder(entry.id(), &path)? {
                self.list(&below, &path, depth + 1, found)?;
            }
        } else if REGULAR.contains(&entry.filemode()) && (self.wanted)(&path) {
            found.push(path);
        }
        Ok(())
    }
}

fn is_folder(entry: &TreeEntry<'_>) -> bool {
    entry.kind() == Some(ObjectType::Tree)
}
