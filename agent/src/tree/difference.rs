//! What differs between two looks at a tree, as a layer says it.

use std::collections::{BTreeMap, BTreeSet};

use super::left_out::is_at_or_below;
use super::{Kind, Node, Tree};
use crate::layer::split;

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or another; or something below is, and it is there to say whose the folder is.
    Put,
    /// A folder of which nothing is left as it was: what it held is gone, what it holds is put.
    Replaced,
    /// It is gone, with all below.
    Gone,
}

/// The changes that lead from one tree to the other, in the order in which a layer holds them.
///
/// `same_content` is asked about a file whose digest is known: whether that is still its digest. When in doubt, a file
/// is put: without a digest, it is another one when anything of its stamp differs.
pub fn changes<E>(
    before: &Tree,
    after: &Tree,
    mut same_content: impl FnMut(&[u8], &str) -> Result<bool, E>,
) -> Result<BTreeMap<Vec<u8>, Change>, E> {
    let mut put = BTreeSet::new();
    for (path, node) in &after.nodes {
        let same = match before.nodes.get(path) {
            Some(old) if is_same(old, node) => match &old.digest {
                Some(digest) => same_content(path, digest)?,
                None => true,
            },
            _ => false,
        };
        if !same {
            put.insert(path.as_slice());
        }
    }
    put_whole_groups(after, &mut put);
    let gone = gone(before, after);
    let replaced = replaced(before, after, &put, &gone);
    Ok(collected(&put, &gone, &replaced))
}

/// Folders change their times with every file in them, and symbolic links are what they say: their stamps do not count.
fn is_same(old: &Node, new: &Node) -> bool {
    let described = |node: &Node| (node.metadata.mode, node.metadata.uid, node.metadata.gid);
    if old.kind != new.kind || old.metadata.attributes != new.metadata.attributes {
        return false;
    }
    match new.kind {
        Kind::File(_) if old.metadata != new.metadata => false,
        // Of names of one file, the stamp says which they are.
        Kind::File(_) if old.digest.is_none() || old.is_linked() || new.is_linked() => old.stamp == new.stamp,
        Kind::File(_) => true,
        _ => described(old) == described(new),
    }
}

/// A name that is put is put with all names of its file, or they would no longer be one file.
fn put_whole_groups<'a>(after: &'a Tree, put: &mut BTreeSet<&'a [u8]>) {
    let linked = || after.nodes.iter().filter(|(_, node)| node.is_linked());
    let touched: BTreeSet<_> =
        linked().filter(|(path, _)| put.contains(path.as_slice())).map(|(_, node)| node.identity()).collect();
    put.extend(
        linked().filter(|(_, node)| touched.contains(&node.identity())).map(|(path, _)| path.as_slice()),
    );
}

/// The uppermost paths that are gone. What was in a folder that is no folder now went with it.
fn gone<'a>(before: &'a Tree, after: &Tree) -> BTreeSet<&'a [u8]> {
    let is_folder = |tree: &Tree, path: &[u8]| {
        path.is_empty() || tree.nodes.get(path).is_some_and(|node| node.kind == Kind::Directory)
    };
    let paths = before.nodes.keys().map(Vec::as_slice);
    paths.filter(|path| !after.nodes.contains_key(*path) && is_folder(after, split(path).0)).collect()
}

/// The uppermost folders that lost something and kept nothing, and in which everything was looked at.
fn replaced<'a>(
    before: &Tree,
    after: &'a Tree,
    put: &BTreeSet<&[u8]>,
    gone: &BTreeSet<&[u8]>,
) -> BTreeSet<&'a [u8]> {
    let mut kept: BTreeSet<&[u8]> = BTreeSet::new();
    let stays = after.nodes.keys().map(Vec::as_slice).filter(|path| !put.contains(path));
    for path in stays.chain(gaps(before)).chain(gaps(after)) {
        kept.extend(ancestors(path));
    }
    kept.extend(gaps(before).chain(gaps(after)));
    let mut replaced: BTreeSet<&[u8]> = BTreeSet::new();
    for folder in gone.iter().flat_map(|path| ancestors(path)).collect::<BTreeSet<_>>() {
        let is_inside = ancestors(folder).any(|above| replaced.contains(above));
        if let Some((path, _)) =
            after.nodes.get_key_value(folder).filter(|_| !kept.contains(folder) && !is_inside)
        {
            replaced.insert(path);
        }
    }
    replaced
}

fn gaps(tree: &Tree) -> impl Iterator<Item = &[u8]> {
    tree.gaps.iter().map(Vec::as_slice)
}

/// The folders above a path, the nearest first; not the root.
fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(split(path).0), |path| Some(split(path).0)).take_while(|path| !path.is_empty())
}

fn collected(
    put: &BTreeSet<&[u8]>,
    gone: &BTreeSet<&[u8]>,
    replaced: &BTreeSet<&[u8]>,
) -> BTreeMap<Vec<u8>, Change> {
    let mut changes = BTreeMap::new();
    for path in put.iter().chain(gone).chain(replaced) {
        for above in ancestors(path) {
            changes.insert(above.to_vec(), Change::Put);
        }
    }
    changes.extend(put.iter().map(|path| (path.to_vec(), Change::Put)));
    let said = |path: &[u8]| replaced.iter().any(|folder| path != *folder && is_at_or_below(path, folder));
    changes.extend(gone.iter().filter(|path| !said(path)).map(|path| (path.to_vec(), Change::Gone)));
    changes.extend(replaced.iter().map(|path| (path.to_vec(), Change::Replaced)));
    changes
}
