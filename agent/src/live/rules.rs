//! What is left out: what git ignores, and what `.slipwayignore` names. Both ends decide by the same rules, so that
//! neither takes what is ignored at the other end for missing.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Deserialize, Serialize};

use super::STAGING;
use crate::layer::{WHITEOUT, join, split};

/// Patterns as they are in `.gitignore`, and where they count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rules {
    /// Where the mirrored folder is in its repository. Empty: it is the root.
    pub place: Vec<u8>,
    /// Patterns of the whole repository, the strongest first: `.git/info/exclude`, the user's own.
    pub outer: Vec<String>,
    /// `.gitignore` files, by their folder in the repository.
    pub git: BTreeMap<String, String>,
    /// `.slipwayignore` files, by their folder in the repository; what they say counts more.
    pub own: BTreeMap<String, String>,
    /// Files that are in the repository although they match a pattern: git does not ignore them.
    pub tracked: BTreeSet<Vec<u8>>,
}

/// What the rules say of one file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is part of the tree.
    Taken,
    /// It is not, nor is anything in it.
    Ignored,
    /// An ignored folder, in which something is tracked.
    OnlyTracked,
}

/// Rules that can be asked.
#[derive(Clone, Debug, Default)]
pub struct Ruling {
    rules: Rules,
    outer: Vec<Gitignore>,
    git: BTreeMap<Vec<u8>, Gitignore>,
    own: BTreeMap<Vec<u8>, Gitignore>,
    tracked_folders: BTreeSet<Vec<u8>>,
}

impl Ruling {
    /// Of these rules.
    pub fn new(rules: Rules) -> Self {
        let compiled = |files: &BTreeMap<String, String>| {
            files.iter().map(|(folder, text)| (folder.as_bytes().to_vec(), compile(text))).collect()
        };
        let mut tracked_folders = BTreeSet::new();
        for path in &rules.tracked {
            let mut folder = split(path).0;
            while !folder.is_empty() && tracked_folders.insert(folder.to_vec()) {
                folder = split(folder).0;
            }
        }
        Self {
            outer: rules.outer.iter().map(|text| compile(text)).collect(),
            git: compiled(&rules.git),
            own: compiled(&rules.own),
            tracked_folders,
            rules,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Adds the `.gitignore` of a folder of the tree.
    pub fn add_git(&mut self, folder: &[u8], text: String) {
        let folder = self.placed(folder);
        self.git.insert(folder.clone(), compile(&text));
        self.rules.git.insert(String::from_utf8_lossy(&folder).into_owned(), text);
    }

    /// Adds the `.slipwayignore` of a folder of the tree.
    pub fn add_own(&mut self, folder: &[u8], text: String) {
        let folder = self.placed(folder);
        self.own.insert(folder.clone(), compile(&text));
        self.rules.own.insert(String::from_utf8_lossy(&folder).into_owned(), text);
    }

    fn placed(&self, path: &[u8]) -> Vec<u8> {
        match path {
            b"" => self.rules.place.clone(),
            path => join(&self.rules.place, path),
        }
    }

    /// What is said of this path, whose folder is not ignored.
    pub fn verdict(&self, path: &[u8], is_folder: bool) -> Verdict {
        let name = split(path).1;
        if name == b".git" || name == STAGING || name.starts_with(WHITEOUT) {
            return Verdict::Ignored;
        }
        let placed = self.placed(path);
        if let Some(is_ignored) = said(&self.own, &placed, is_folder) {
            return if is_ignored { Verdict::Ignored } else { Verdict::Taken };
        }
        let of_git = said(&self.git, &placed, is_folder)
            .or_else(|| self.outer.iter().find_map(|outer| matched(outer, &placed, is_folder)));
        match of_git {
            Some(true) if is_folder && self.tracked_folders.contains(&placed) => Verdict::OnlyTracked,
            Some(true) if !self.rules.tracked.contains(&placed) => Verdict::Ignored,
            _ => Verdict::Taken,
        }
    }

    /// What is said of this path in a folder that is ignored.
    pub fn verdict_of_tracked(&self, path: &[u8], is_folder: bool) -> Verdict {
        let placed = self.placed(path);
        let is_tracked =
            self.rules.tracked.contains(&placed) && self.verdict(path, is_folder) != Verdict::Ignored;
        match is_folder {
            true if self.tracked_folders.contains(&placed) => Verdict::OnlyTracked,
            false if is_tracked => Verdict::Taken,
            _ => Verdict::Ignored,
        }
    }
}

/// What the nearest file with something to say says: whether it is ignored.
fn said(files: &BTreeMap<Vec<u8>, Gitignore>, path: &[u8], is_folder: bool) -> Option<bool> {
    let mut folder = path;
    while !folder.is_empty() {
        folder = split(folder).0;
        let below = if folder.is_empty() { path } else { path.get(folder.len() + 1..)? };
        let found = files.get(folder).and_then(|file| matched(file, below, is_folder));
        if found.is_some() {
            return found;
        }
    }
    None
}

fn matched(file: &Gitignore, path: &[u8], is_folder: bool) -> Option<bool> {
    match file.matched(Path::new(OsStr::from_bytes(path)), is_folder) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

/// A line that is no pattern counts as none, as for git.
fn compile(text: &str) -> Gitignore {
    let mut builder = GitignoreBuilder::new(".");
    for line in text.trim_start_matches('\u{feff}').lines() {
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Ignored, OnlyTracked, Taken};

    fn ruling(git: &[(&str, &str)], own: &[(&str, &str)], tracked: &[&str]) -> Ruling {
        let files = |files: &[(&str, &str)]| {
            files.iter().map(|(folder, text)| ((*folder).to_owned(), (*text).to_owned())).collect()
        };
        Ruling::new(Rules {
            git: files(git),
            own: files(own),
            tracked: tracked.iter().map(|path| path.as_bytes().to_vec()).collect(),
            outer: vec!["*.swp".to_owned(), "*.swp\n*~".to_owned()],
            ..Rules::default()
        })
    }

    #[test]
    fn the_nearest_file_decides_and_patterns_are_gits() {
        let rules = ruling(&[("", "*.pyc\n/build/\nnode_modules\n# note\n"), ("keep", "!*.pyc")], &[], &[]);
        assert_eq!(rules.verdict(b"a/b.pyc", false), Ignored);
        assert_eq!(rules.verdict(b"keep/b.pyc", false), Taken);
        assert_eq!([rules.verdict(b"build", true), rules.verdict(b"build", false)], [Ignored, Taken]);
        assert_eq!(rules.verdict(b"src/build", true), Taken);
        assert_eq!(rules.verdict(b"web/node_modules", true), Ignored);
        assert_eq!([rules.verdict(b"x.swp", false), rules.verdict(b"a/x~", false)], [Ignored, Ignored]);
    }

    #[test]
    fn slipwayignore_counts_more_than_gitignore() {
        let rules =
            ruling(&[("", "*.bundle.js"), ("web", "!x.bundle.js")], &[("", "!app.bundle.js\ndocs/")], &[]);
        assert_eq!(rules.verdict(b"web/app.bundle.js", false), Taken);
        assert_eq!(rules.verdict(b"other.bundle.js", false), Ignored);
        assert_eq!(rules.verdict(b"docs", true), Ignored);
    }

    #[test]
    fn what_is_tracked_is_not_ignored_although_it_matches() {
        let rules =
            ruling(&[("", "logs/\n*.log")], &[("", "secret.log")], &["logs/a/1.txt", "x.log", "secret.log"]);
        assert_eq!([rules.verdict(b"x.log", false), rules.verdict(b"y.log", false)], [Taken, Ignored]);
        assert_eq!(rules.verdict(b"logs", true), OnlyTracked);
        assert_eq!(rules.verdict_of_tracked(b"logs/a", true), OnlyTracked);
        assert_eq!(rules.verdict_of_tracked(b"logs/a/1.txt", false), Taken);
        assert_eq!(rules.verdict_of_tracked(b"logs/a/2.txt", false), Ignored);
        assert_eq!(rules.verdict(b"secret.log", false), Ignored);
    }

    #[test]
    fn some_names_are_never_part_of_a_tree() {
        let rules = ruling(&[], &[], &[]);
        for name in [".git", "sub/.git", ".slipway-live", "a/.wh.b"] {
            assert_eq!(rules.verdict(name.as_bytes(), true), Ignored, "{name}");
        }
        assert_eq!(rules.verdict(b".github", true), Taken);
    }

    #[test]
    fn a_folder_of_a_larger_repository_keeps_the_rules_above_it() {
        let rules = Rules { place: b"services/api".to_vec(), ..Rules::default() };
        let mut ruling = Ruling::new(Rules {
            git: [(String::new(), "/services/api/tmp\n*.o".to_owned())].into(),
            ..rules
        });
        ruling.add_git(b"", "/out".to_owned());
        assert_eq!(
            ["tmp", "a.o", "out", "b/out"].map(|path| ruling.verdict(path.as_bytes(), true)),
            [Ignored, Ignored, Ignored, Taken]
        );
    }
}
