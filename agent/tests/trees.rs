//! A tree, what happens to it, and the layer of that: unpacked over the tree as it was, it is the tree as it is.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod listing;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;

use listing::listing;
use proptest::prelude::*;
use slipway_agent::layer::{Accepted, Limits, apply};
use slipway_agent::tree::{Change, LeftOut, Tree, changes, scan, write_layer};
use tempfile::TempDir;
use tree::{Step, carry_out, steps};

fn look(folder: &TempDir) -> Tree {
    scan(folder.path(), &LeftOut::nothing()).unwrap()
}

fn layer(before: &Tree, after: &Tree, newest: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_layer(before, after, newest, Limits::default(), &mut bytes).unwrap();
    bytes
}

fn unpack(layer: &[u8], folder: &TempDir) {
    apply(layer, folder.path(), Accepted::Everything, Limits::default()).unwrap();
}

/// What happened between two looks, as text.
fn said(before: &Tree, after: &Tree) -> Vec<String> {
    let changes = changes::<()>(before, after, |_, _| Ok(true)).unwrap();
    let line = |(path, change): (&Vec<u8>, &Change)| format!("{change:?} {}", path.escape_ascii());
    changes.iter().map(line).collect()
}

/// A folder, what is done to it, and what its layer says of that.
fn story(before: &[Step], then: impl FnOnce(&std::path::Path)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    carry_out(folder.path(), before);
    let first = look(&folder);
    then(folder.path());
    said(&first, &look(&folder))
}

fn file(path: &str, content: &str) -> Step {
    let path = path.split('/').map(|name| name.as_bytes().to_vec()).collect();
    Step::Write(path, content.as_bytes().to_vec(), 0o644, 1_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_layer_of_what_happened_makes_it_happen_to_a_copy(before in steps(), then in steps()) {
        let (original, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        carry_out(original.path(), &before);
        let first = look(&original);
        unpack(&layer(&Tree::default(), &first, i64::MAX), &copy);
        prop_assert_eq!(listing(original.path()), listing(copy.path()), "a layer on nothing is the whole tree");
        carry_out(original.path(), &then);
        let made = layer(&first, &look(&original), i64::MAX);
        unpack(&made, &copy);
        prop_assert_eq!(listing(original.path()), listing(copy.path()));
        unpack(&made, &copy);
        prop_assert_eq!(listing(original.path()), listing(copy.path()), "once more changes nothing");
    }

    #[test]
    fn the_same_things_happening_twice_make_the_same_bytes(before in steps(), then in steps()) {
        let build = || {
            let folder = tempfile::tempdir().unwrap();
            carry_out(folder.path(), &before);
            let first = look(&folder);
            carry_out(folder.path(), &then);
            layer(&first, &look(&folder), 500)
        };
        prop_assert_eq!(build(), build());
    }

    #[test]
    fn nothing_that_happened_is_an_empty_layer(before in steps()) {
        let folder = tempfile::tempdir().unwrap();
        carry_out(folder.path(), &before);
        prop_assert_eq!(said(&look(&folder), &look(&folder)), Vec::<String>::new());
    }
}

#[test]
fn a_change_that_keeps_size_and_time_is_seen() {
    let before = [file("etc/a", "one"), file("etc/b", "one")];
    let folder = tempfile::tempdir().unwrap();
    carry_out(folder.path(), &before);
    let first = look(&folder);
    carry_out(folder.path(), &[file("etc/a", "two")]);
    let copy = tempfile::tempdir().unwrap();
    carry_out(copy.path(), &before);
    unpack(&layer(&first, &look(&folder), i64::MAX), &copy);
    assert_eq!(listing(copy.path()), listing(folder.path()));
}

#[test]
fn a_file_is_put_with_the_folders_above_it_and_what_is_gone_is_said_once() {
    let before = ["a/b/kept", "a/b/one", "a/b/two", "a/c/deep/three"].map(|path| file(path, "1"));
    let happened = story(&before, |root| {
        fs::write(root.join("a/b/two"), "22").unwrap();
        fs::remove_file(root.join("a/b/one")).unwrap();
        fs::remove_dir_all(root.join("a/c")).unwrap();
    });
    assert_eq!(happened, ["Put a", "Put a/b", "Gone a/b/one", "Put a/b/two", "Gone a/c"]);
}

#[test]
fn a_folder_of_which_nothing_stayed_is_replaced() {
    let before = [file("m/old/one", "1"), file("m/old/two", "2"), file("m/both", "1")];
    let happened = story(&before, |root| {
        fs::remove_dir_all(root.join("m")).unwrap();
        fs::create_dir(root.join("m")).unwrap();
        fs::write(root.join("m/both"), "another").unwrap();
    });
    assert_eq!(happened, ["Replaced m", "Put m/both"]);
}

#[test]
fn all_names_of_a_file_are_put_together() {
    let before = [file("a", "1"), file("z", "2")];
    let happened = story(&before, |root| fs::hard_link(root.join("a"), root.join("b")).unwrap());
    assert_eq!(happened, ["Put a", "Put b"]);
}

#[test]
fn what_a_link_replaces_is_gone_without_a_word() {
    let before = [file("etc/conf/a", "1"), file("etc/keep", "2")];
    let happened = story(&before, |root| {
        fs::remove_dir_all(root.join("etc/conf")).unwrap();
        symlink("/run/conf", root.join("etc/conf")).unwrap();
    });
    assert_eq!(happened, ["Put etc", "Put etc/conf"]);
}

#[test]
fn logs_and_scratch_files_are_no_part_of_a_tree() {
    let folder = tempfile::tempdir().unwrap();
    let before = look(&folder);
    let steps = ["tmp/x", "var/log/app/app.log", "run/app.pid", "root/.cache/pip/x", "srv/app"];
    carry_out(folder.path(), &steps.map(|path| file(path, "1")));
    let after = scan(folder.path(), &LeftOut::default()).unwrap();
    let expected = ["root", "root/.cache", "run", "srv", "srv/app", "tmp", "var", "var/log", "var/log/app"];
    assert_eq!(said(&before, &after), expected.map(|path| format!("Put {path}")));
}

#[test]
fn what_only_a_running_process_has_is_left_out_and_a_pipe_is_not() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    carry_out(folder.path(), &[Step::Fifo(vec![b"pipe".to_vec()])]);
    unpack(&layer(&Tree::default(), &look(&folder), 0), &copy);
    let made: Vec<_> = fs::read_dir(copy.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(made.len(), 1);
    assert!(made[0].file_type().unwrap().is_fifo());
}

#[test]
fn times_after_the_newest_commit_are_the_newest_commits() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    carry_out(folder.path(), &[file("old", "1")]);
    fs::write(folder.path().join("new"), "2").unwrap();
    unpack(&layer(&Tree::default(), &look(&folder), 5_000), &copy);
    let time = |name: &str| fs::metadata(copy.path().join(name)).unwrap().mtime();
    assert_eq!((time("old"), time("new")), (1_000, 5_000));
}

fn refusal(limits: Limits, make: impl FnOnce(&std::path::Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    write_layer(&Tree::default(), &look(&folder), 0, limits, std::io::sink()).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_in_a_layer_is_refused_by_name() {
    let small = Limits { bytes: 10, file_bytes: 8, entries: 3, path_bytes: 20, ..Limits::default() };
    let write = |files: &'static [(&str, usize)]| {
        move |root: &std::path::Path| {
            for (name, size) in files {
                fs::write(root.join(name), "x".repeat(*size)).unwrap();
            }
        }
    };
    let cases: BTreeMap<&str, String> = [
        ("etc-.wh.hosts", refusal(Limits::default(), write(&[(".wh.hosts", 1)]))),
        ("8", refusal(small, write(&[("big", 9)]))),
        ("10", refusal(small, write(&[("a", 6), ("b", 6)]))),
        ("3", refusal(small, write(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)]))),
        ("20", refusal(small, write(&[("a-name-of-more-than-twenty", 1)]))),
    ]
    .into();
    assert!(cases["etc-.wh.hosts"].contains("begin with .wh."), "{cases:?}");
    assert_eq!(cases["8"], "big is too much: bytes of one file may be 8 at most");
    assert_eq!(cases["10"], "b is too much: bytes of all files may be 10 at most");
    assert_eq!(cases["3"], "d is too much: files of an archive may be 3 at most");
    assert!(cases["20"].contains("bytes of a path may be 20"), "{cases:?}");
}

#[test]
fn a_file_that_changes_while_it_is_put_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log"), "1").unwrap();
    let seen = look(&folder);
    fs::write(folder.path().join("log"), "12").unwrap();
    let error = write_layer(&Tree::default(), &seen, 0, Limits::default(), std::io::sink()).unwrap_err();
    assert!(error.to_string().contains("log changed while"), "{error}");
}
