//! Tells when to look at a tree. It never says what changed: a lost event costs time, and nothing else.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// After the first event it is waited until nothing happens for so long: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(20);
/// At the latest it is looked after so long.
const PATIENCE: Duration = Duration::from_millis(500);

/// What watches a tree.
pub struct Watch {
    root: PathBuf,
    watcher: Option<RecommendedWatcher>,
    events: Receiver<()>,
    watched: BTreeSet<(Vec<u8>, u64)>,
    /// Whether some folder could not be watched.
    pub is_blind: bool,
}

impl Watch {
    /// Of the tree in this folder; of which folders, is said later.
    pub fn new(root: &Path) -> Self {
        let (sender, events) = mpsc::channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // What only was read is no change.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                let _ = sender.send(());
            }
        });
        let (is_blind, watcher) = (watcher.is_err(), watcher.ok());
        Self { root: root.to_owned(), watcher, events, watched: BTreeSet::new(), is_blind }
    }

    /// Watches these folders of the tree, and its root; whether there are new ones, of which events may have been missed.
    pub fn follow<'a>(&mut self, folders: impl Iterator<Item = &'a Vec<u8>>) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let root = &self.root;
        let place = |folder: &Vec<u8>| root.join(OsStr::from_bytes(folder));
        // A folder of the same name may be another by now.
        let known = |folder: Vec<u8>| {
            let inode = std::fs::metadata(place(&folder)).ok()?.ino();
            Some((folder, inode))
        };
        let wanted: BTreeSet<_> = folders.cloned().chain([Vec::new()]).filter_map(known).collect();
        let new: Vec<_> = wanted.difference(&self.watched).cloned().collect();
        for (folder, _) in &new {
            let place = place(folder);
            if watcher.watch(&place, RecursiveMode::NonRecursive).is_err() && place.is_dir() {
                self.is_blind = true;
            }
        }
        // A folder that is gone took its watch along; one that is ignored by now may as well be watched.
        self.watched = wanted;
        !new.is_empty()
    }

    /// Waits until something happens and has calmed down, or the time is over; whether something happened.
    pub fn wait(&self, limit: Duration) -> bool {
        match self.events.recv_timeout(limit) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(limit);
                return false;
            }
        }
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && self.events.recv_timeout(QUIET).is_ok() {}
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[test]
    fn a_change_is_noticed_in_a_folder_that_was_made_later() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path());
        assert!(watch.follow([].into_iter()));
        std::fs::create_dir(folder.path().join("new")).unwrap();
        assert!(watch.wait(LIMIT));
        let folders = [b"new".to_vec()];
        assert!(watch.follow(folders.iter()), "there may be more in it than was seen");
        assert!(!watch.follow(folders.iter()));
        std::fs::write(folder.path().join("new/file"), "1").unwrap();
        assert!(watch.wait(LIMIT));
    }
}
