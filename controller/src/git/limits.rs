//! How much of anything a repository may cost.

use std::time::Duration;

/// Caps on what is fetched and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the list of branches and tags.
    pub list_bytes: usize,
    /// How long that list may take.
    pub list_time: Duration,
    /// Bytes that one fetch may receive.
    pub fetch_bytes: usize,
    /// How long one fetch may take.
    pub fetch_time: Duration,
    /// How long a connection may take to come about; the first [`super::Git`] of a process decides.
    pub connect_time: Duration,
    /// How long a server may send nothing; the first [`super::Git`] of a process decides.
    pub silence: Duration,
    /// Objects that one fetch may receive; the first [`super::Git`] of a process decides.
    pub pack_objects: usize,
    /// Bytes of one object that is sent as a difference to another; the first [`super::Git`] of a process decides.
    pub object_bytes: usize,
    /// Files that one read of a folder may find.
    pub files: usize,
    /// Bytes of one folder's list of names, of a commit, and of a tag.
    pub entry_bytes: usize,
    /// Names of files and folders that one read may come by.
    pub entries: usize,
    /// How deep folders may be nested.
    pub depth: usize,
    /// Bytes of one file.
    pub file_bytes: usize,
    /// Bytes of all files of one read.
    pub tree_bytes: usize,
    /// Bytes of one file of the sources that a container gets: it is in memory while it is sent.
    pub source_file_bytes: usize,
    /// Bytes of all files of the sources that a container gets.
    pub source_bytes: usize,
    /// Commits that are looked at for the times of files.
    pub history_commits: usize,
    /// Packs of a mirror before they are made one.
    pub packs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            list_bytes: 16 * 1024 * 1024,
            list_time: Duration::from_secs(30),
            fetch_bytes: 1024 * 1024 * 1024,
            fetch_time: Duration::from_mins(5),
            connect_time: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            pack_objects: 2_000_000,
            object_bytes: 64 * 1024 * 1024,
            files: 5_000,
            entry_bytes: 8 * 1024 * 1024,
            entries: 200_000,
            depth: 32,
            file_bytes: 1024 * 1024,
            tree_bytes: 64 * 1024 * 1024,
            source_file_bytes: 64 * 1024 * 1024,
            source_bytes: 2 * 1024 * 1024 * 1024,
            history_commits: 50_000,
            packs: 50,
        }
    }
}

impl Limits {
    /// How long a caller waits: longer than a fetch may take, so that the fetch's own error is the one that is seen.
    pub(super) fn patience(&self) -> Duration {
        self.fetch_time + self.connect_time + self.silence
    }
}
