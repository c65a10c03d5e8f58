//! A working tree on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::LiveError;
use super::look::{Cache, look, open};
use super::repository;
use super::rules::{Rules, Ruling};
use super::tree::LiveTree;

/// A working tree: looked at again and again.
#[derive(Debug)]
pub struct WorkingTree {
    root: PathBuf,
    cache: Cache,
    /// As it was at the last look.
    folders: Vec<Vec<u8>>,
    /// The `.gitignore` files that git knew when it was asked.
    patterns: Option<BTreeMap<String, String>>,
    /// What git said, and of which index.
    outside: Option<(Option<(u64, SystemTime)>, Rules)>,
}

impl WorkingTree {
    /// The one in this folder.
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Self {
            root: root.canonicalize()?,
            cache: Cache::default(),
            folders: Vec::new(),
            patterns: None,
            outside: None,
        })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How it is now, and what is left out.
    pub fn look(&mut self) -> Result<(LiveTree, Rules), LiveError> {
        let (mut tree, mut rules) = self.look_once()?;
        // Other patterns match other files that are tracked.
        if self.patterns.as_ref().is_some_and(|before| *before != rules.git) {
            self.outside = None;
            (tree, rules) = self.look_once()?;
        }
        self.patterns = Some(rules.git.clone());
        Ok((tree, rules))
    }

    fn look_once(&mut self) -> Result<(LiveTree, Rules), LiveError> {
        let mut ruling = Ruling::new(self.outside());
        let tree = look(&self.root, &mut ruling, true, &BTreeSet::new(), &mut self.cache)?;
        let folders = tree.nodes.iter().filter(|(_, node)| node.is_folder());
        self.folders = folders.map(|(path, _)| path.clone()).collect();
        Ok((tree, ruling.rules().clone()))
    }

    /// The folders that the last look found.
    pub fn folders(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.folders.iter()
    }

    /// One of its files, none when it is no regular file any more.
    pub(super) fn open(&self, path: &[u8]) -> io::Result<Option<(std::fs::File, Metadata)>> {
        open(&self.root.join(std::ffi::OsStr::from_bytes(path)))
    }

    /// Git is asked again when its index changed; the ignore files above are few and read each time with it.
    fn outside(&mut self) -> Rules {
        let index =
            self.root.ancestors().find_map(|folder| std::fs::metadata(folder.join(".git/index")).ok());
        let stamp = index.and_then(|index| Some((index.len(), index.modified().ok()?)));
        match &self.outside {
            Some((of, rules)) if *of == stamp && stamp.is_some() => rules.clone(),
            _ => {
                let rules = repository::rules(&self.root);
                self.outside = Some((stamp, rules.clone()));
                rules
            }
        }
    }
}
