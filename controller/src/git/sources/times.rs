//! Times from the history: a file is as old as the last commit that changed it.
//!
//! A clone gives all files the time at which it was made, so that everything that compares times takes all of them for
//! new. These times depend on the commit alone: two builds of it have the same.

use std::collections::{BinaryHeap, HashMap, HashSet};

use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, Tree};

use super::{Entry, joined};
use crate::git::Limits;

/// Gives each entry its time. What is older than the commits that are looked at gets the time of the last of those.
pub(super) fn stamp(
    repository: &Repository,
    commit: Oid,
    entries: &mut [Entry],
    limits: &Limits,
) -> Result<(), git2::Error> {
    let mut wanted = Wanted::of(entries);
    let mut ahead = BinaryHeap::from([(time(&repository.find_commit(commit)?), commit)]);
    let mut seen = HashSet::from([commit]);
    let mut last = 0;
    for _ in 0..limits.history_commits {
        if wanted.left == 0 {
            break;
        }
        let Some((now, id)) = ahead.pop() else { break };
        last = now;
        let commit = repository.find_commit(id)?;
        let parents = parents(repository, &commit)?;
        for parent in &parents {
            if seen.insert(parent.id()) {
                ahead.push((time(parent), parent.id()));
            }
        }
        let trees = parents.iter().map(Commit::tree).collect::<Result<Vec<_>, _>>()?;
        wanted.look(repository, now, b"", &commit.tree()?, &trees)?;
    }
    for entry in entries.iter_mut() {
        let known = wanted.by_path.get(entry.path.as_slice()).and_then(|(_, time)| *time);
        entry.time = known.unwrap_or(last);
    }
    Ok(())
}

fn time(commit: &Commit<'_>) -> i64 {
    commit.time().seconds().max(0)
}

/// Those that the mirror has: the first commits of a shallow history have parents elsewhere.
fn parents<'a>(repository: &'a Repository, commit: &Commit<'_>) -> Result<Vec<Commit<'a>>, git2::Error> {
    let mut found = Vec::new();
    for id in commit.parent_ids() {
        match repository.find_commit(id) {
            Ok(parent) => found.push(parent),
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What has to be dated: the object at each path, and its time once it is known.
struct Wanted {
    by_path: HashMap<Vec<u8>, (Oid, Option<i64>)>,
    left: usize,
}

impl Wanted {
    fn of(entries: &[Entry]) -> Self {
        let dated = |entry: &Entry| Some((entry.path.clone(), (entry.what.id()?, None)));
        let by_path: HashMap<_, _> = entries.iter().filter_map(dated).collect();
        Self { left: by_path.len(), by_path }
    }

    /// A commit changed what differs from all of its parents. A side branch may have changed a file to what was not taken
    /// over: only who made it what it is now counts.
    fn look(
        &mut self,
        repository: &Repository,
        now: i64,
        folder: &[u8],
        tree: &Tree<'_>,
        parents: &[Tree<'_>],
    ) -> Result<(), git2::Error> {
        for entry in tree {
            let is_same = |parent: &Tree<'_>| {
                parent
                    .get_name_bytes(entry.name_bytes())
                    .is_some_and(|old| (old.id(), old.filemode()) == (entry.id(), entry.filemode()))
            };
            if parents.iter().any(is_same) {
                continue;
            }
            let path = joined(folder, entry.name_bytes());
            let Some((id, known)) = self.by_path.get_mut(&path) else { continue };
            if *id == entry.id() && known.is_none() {
                *known = Some(now);
                self.left -= 1;
            }
            if entry.kind() == Some(ObjectType::Tree) {
                let below = |parent: &Tree<'_>| {
                    let old = parent.get_name_bytes(entry.name_bytes())?;
                    repository.find_tree(old.id()).ok()
                };
                let below: Vec<_> = parents.iter().filter_map(below).collect();
                self.look(repository, now, &path, &repository.find_tree(entry.id())?, &below)?;
            }
        }
        Ok(())
    }
}
