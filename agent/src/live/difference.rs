//! What has to be done to one tree so that it becomes like another.

use std::collections::BTreeSet;

use super::tree::{LiveTree, Node};

/// What leads from a tree that is there to the one that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What goes, in this order: what is in a folder before the folder.
    pub gone: Vec<Vec<u8>>,
    /// What is made or replaced, in this order: a folder before what is in it.
    pub put: Vec<Vec<u8>>,
    /// What cannot be: a folder with ignored files is in its place.
    pub blocked: Vec<Vec<u8>>,
    /// What is there afterwards: the wanted tree, and folders that hold what is ignored.
    pub after: LiveTree,
}

impl Difference {
    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.gone.is_empty() && self.put.is_empty()
    }
}

/// Computes it. Nothing that is in neither tree is touched.
pub fn difference(wanted: &LiveTree, present: &LiveTree) -> Difference {
    let wanted = wanted.clone().without(&present.gaps);
    let mut difference = Difference::default();
    let mut after = wanted.nodes.clone();
    // What is ignored here says nothing about the folder there.
    for node in after.values_mut().filter(|node| node.is_folder()) {
        *node = Node::Folder { holds_others: false };
    }
    for (path, is) in present.nodes.iter().rev() {
        let becomes = wanted.nodes.get(path);
        if becomes.is_some_and(|becomes| becomes.is_folder() == is.is_folder()) {
            if *is == (Node::Folder { holds_others: true }) {
                after.insert(path.clone(), is.clone());
            }
        } else if *is == (Node::Folder { holds_others: true }) {
            // What is ignored in it stays, and so does the folder.
            difference.blocked.extend(becomes.map(|_| path.clone()));
            after.insert(path.clone(), is.clone());
        } else {
            difference.gone.push(path.clone());
        }
    }
    let blocked: BTreeSet<_> = difference.blocked.iter().collect();
    let differs = |(path, node): &(&Vec<u8>, &Node)| {
        !present.nodes.get(*path).is_some_and(|is| is.is_like(node)) && !blocked.contains(path)
    };
    difference.put = wanted.nodes.iter().filter(differs).map(|(path, _)| path.clone()).collect();
    difference.after = LiveTree { nodes: after, gaps: present.gaps.clone() };
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: Node = Node::Folder { holds_others: false };
    const HELD: Node = Node::Folder { holds_others: true };

    fn file(content: u8) -> Node {
        Node::File { size: 1, executable: false, digest: [content; 32] }
    }

    fn tree(nodes: &[(&str, Node)]) -> LiveTree {
        let nodes = nodes.iter().map(|(path, node)| (path.as_bytes().to_vec(), node.clone()));
        LiveTree { nodes: nodes.collect(), gaps: BTreeSet::new() }
    }

    fn told(paths: &[Vec<u8>]) -> Vec<&str> {
        paths.iter().map(|path| str::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn only_what_differs_is_put_and_what_nobody_wants_goes_from_the_inside() {
        let wanted = tree(&[("a", file(1)), ("b", file(2)), ("d", FOLDER), ("d/x", file(1))]);
        let present = tree(&[("a", file(1)), ("b", file(1)), ("c", FOLDER), ("c/x", file(1))]);
        let difference = difference(&wanted, &present);
        assert_eq!(told(&difference.put), ["b", "d", "d/x"]);
        assert_eq!(told(&difference.gone), ["c/x", "c"]);
        assert_eq!(difference.after, wanted);
    }

    #[test]
    fn a_file_that_becomes_a_folder_goes_first_and_a_link_is_replaced_at_one_stroke() {
        let wanted = tree(&[("m", FOLDER), ("m/x", file(1)), ("n", file(1))]);
        let present = tree(&[("m", file(1)), ("n", Node::Link(b"m".to_vec()))]);
        let there = difference(&wanted, &present);
        assert_eq!((told(&there.gone), told(&there.put)), (vec!["m"], vec!["m", "m/x", "n"]));
        let back = difference(&present, &wanted);
        assert_eq!((told(&back.gone), told(&back.put)), (vec!["m/x", "m"], vec!["m", "n"]));
    }

    #[test]
    fn a_folder_with_ignored_files_stays_though_nobody_wants_it() {
        let present = tree(&[("old", HELD), ("old/x.py", file(1)), ("lib", HELD)]);
        let difference = difference(&tree(&[("lib", file(1))]), &present);
        assert_eq!(told(&difference.gone), ["old/x.py"]);
        assert_eq!((told(&difference.blocked), told(&difference.put)), (vec!["lib"], vec![]));
        assert_eq!(difference.after, tree(&[("lib", HELD), ("old", HELD)]));
    }

    #[test]
    fn what_is_ignored_here_does_not_keep_a_folder_there() {
        let first = difference(&tree(&[("a", HELD)]), &LiveTree::default());
        assert_eq!(first.after, tree(&[("a", FOLDER)]));
        assert_eq!(told(&difference(&LiveTree::default(), &first.after).gone), ["a"]);
    }

    #[test]
    fn another_volume_is_neither_filled_nor_emptied() {
        let mut present = tree(&[("a", file(1))]);
        present.gaps.insert(b"uploads".to_vec());
        let wanted = tree(&[("a", file(1)), ("uploads", FOLDER), ("uploads/x", file(1))]);
        assert!(difference(&wanted, &present).is_nothing());
    }
}
