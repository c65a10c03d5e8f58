//! `slipway sync`, both ends of it: whatever a working tree and a container's folder are, they become the same.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod ends;
mod place;
mod tree;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use ends::{Cut, Meddling, connect, connect_by};
use place::{Place, contents, write};
use proptest::prelude::*;
use slipway_agent::live::Synced;
use tree::{Step, carry_out, steps};

/// What no tree holds is not made: a pipe in the place of a folder would stay there.
fn without_pipes(steps: &[Step]) -> Vec<Step> {
    steps.iter().filter(|step| !matches!(step, Step::Fifo(_))).cloned().collect()
}

fn synced(place: &Place) -> Synced {
    connect(place).0.sync(&mut place.tree()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_two_trees_become_the_same(here in steps(), there in steps(), then in steps()) {
        let place = Place::new();
        carry_out(place.work.path(), &without_pipes(&here));
        carry_out(place.mount.path(), &without_pipes(&there));
        let (mut sender, _) = connect(&place);
        let mut tree = place.tree();
        let first = sender.sync(&mut tree).unwrap();
        prop_assert!(first.is_equal && first.problems.is_empty(), "{first:?}");
        prop_assert_eq!(contents(place.mount.path()), contents(place.work.path()));
        carry_out(place.work.path(), &without_pipes(&then));
        let second = sender.sync(&mut tree).unwrap();
        prop_assert!(second.is_equal && second.problems.is_empty(), "{second:?}");
        prop_assert_eq!(contents(place.mount.path()), contents(place.work.path()));
        let third = sender.sync(&mut tree).unwrap();
        prop_assert_eq!((third.written, third.removed, third.bytes), (0, 0, 0));
    }

    #[test]
    fn what_is_ignored_survives_whatever_happens(here in steps(), there in steps()) {
        let place = Place::new();
        carry_out(place.work.path(), &without_pipes(&here));
        carry_out(place.mount.path(), &without_pipes(&there));
        fs::write(place.work.path().join(".slipwayignore"), "*.pyc\n").unwrap();
        let ignored: BTreeMap<_, _> = folders(place.mount.path());
        let done = synced(&place);
        for (folder, path) in ignored {
            prop_assert_eq!(fs::read_to_string(&path).unwrap(), "compiled", "in {}: {:?}", folder, done);
        }
        prop_assert_eq!(synced(&place).digest, done.digest, "nothing is left to do");
    }
}

/// Puts something ignored into every folder.
fn folders(root: &Path) -> BTreeMap<String, std::path::PathBuf> {
    let names = contents(root);
    let is_plain =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/- ".contains(&byte));
    let folders = names.iter().filter(|(name, what)| *what == "folder" && is_plain(name));
    let put = |(name, _): (&String, &String)| {
        let path = root.join(name).join("ignored.pyc");
        fs::write(&path, "compiled").unwrap();
        (name.clone(), path)
    };
    folders.map(put).collect()
}

/// As many as a large service has, with content that no compression makes small.
fn fill(root: &Path, files: u32, version: u32) {
    for folder in 0..files.div_ceil(100) {
        fs::create_dir_all(root.join(format!("package{folder}"))).unwrap();
    }
    for number in 0..files {
        let mut state = u64::from(number * 31 + version) + 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let content: Vec<u8> = (0..40).flat_map(|_| next()).collect();
        fs::write(root.join(format!("package{}/file{number}", number / 100)), content).unwrap();
    }
}

/// Another branch: a part is gone, a part has other names, a part is a folder now, and most of the rest differs.
fn switch(root: &Path, files: u32) {
    fill(root, files / 2, 7);
    for number in files / 2..files {
        let path = root.join(format!("package{}/file{number}", number / 100));
        match number % 4 {
            0 => fs::remove_file(path).unwrap(),
            1 => fs::rename(&path, path.with_extension("renamed")).unwrap(),
            2 => {
                fs::remove_file(&path).unwrap();
                write(root, &[(&format!("package{}/file{number}/mod.rs", number / 100), "pub mod all;")]);
            }
            _ => fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap(),
        }
    }
    fs::remove_dir_all(root.join("package1")).unwrap();
    symlink("package2", root.join("package1")).unwrap();
}

/// Syncs over a connection that breaks after so many bytes.
fn cut_after(place: &Place, bytes: usize) {
    let (mut sender, serving) = connect_by(place, |stream| Cut { stream, left: bytes });
    let error = sender.sync(&mut place.tree()).unwrap_err();
    assert!(error.is_lost(), "{error}");
    serving.join().unwrap().unwrap();
}

#[test]
fn ten_thousand_files_arrive_over_connections_that_break_in_the_middle() {
    const FILES: u32 = 10_000;
    let place = Place::new();
    fill(place.work.path(), FILES, 1);
    cut_after(&place, 1_000_000);
    let arrived = contents(place.mount.path());
    assert!(arrived.len() > 500 && arrived.len() < FILES as usize, "{}", arrived.len());
    let whole = contents(place.work.path());
    assert!(arrived.iter().all(|(path, what)| whole.get(path) == Some(what)), "a part of a file is no file");
    let rest = synced(&place);
    assert!(rest.is_equal && rest.written < u64::from(FILES), "what has arrived is not sent again: {rest:?}");
    place.assert_equal();
    switch(place.work.path(), FILES);
    cut_after(&place, 700_000);
    assert!(synced(&place).is_equal);
    place.assert_equal();
    assert!(!synced(&place).is_change());
}

#[test]
fn one_file_of_ten_thousand_is_sent_alone() {
    let place = Place::new();
    fill(place.work.path(), 1_000, 1);
    let (mut sender, _) = connect(&place);
    let mut tree = place.tree();
    assert_eq!(sender.sync(&mut tree).unwrap().written, 1_000);
    write(place.work.path(), &[("package3/file300", "edited")]);
    let one = sender.sync(&mut tree).unwrap();
    assert_eq!((one.written, one.removed, one.bytes, one.is_equal), (1, 0, 6, true));
    place.assert_equal();
}

#[test]
fn what_changed_in_the_container_is_put_right_at_the_next_check() {
    let place = Place::new();
    write(place.work.path(), &[("a", "1"), ("b", "1")]);
    let (mut sender, _) = connect(&place);
    let mut tree = place.tree();
    sender.sync(&mut tree).unwrap();
    write(place.mount.path(), &[("a", "other"), ("new", "x")]);
    fs::remove_file(place.mount.path().join("b")).unwrap();
    sender.check().unwrap();
    let again = sender.sync(&mut tree).unwrap();
    assert_eq!((again.written, again.removed, again.is_equal), (2, 1, true));
    place.assert_equal();
}

#[test]
fn what_changed_there_unnoticed_is_found_when_the_digests_differ() {
    let place = Place::new();
    write(place.work.path(), &[("a", "1"), ("b", "1")]);
    let (mut sender, _) = connect(&place);
    let mut tree = place.tree();
    sender.sync(&mut tree).unwrap();
    write(place.mount.path(), &[("a", "other")]);
    write(place.work.path(), &[("b", "2")]);
    let again = sender.sync(&mut tree).unwrap();
    assert!(again.is_equal && again.written == 2, "{again:?}");
    place.assert_equal();
}

#[test]
fn a_file_that_changes_while_it_is_read_arrives_as_it_is_in_the_end() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 5] = [
        ("it grows", |path| fs::write(path, "x".repeat(300_000)).unwrap()),
        ("it shrinks", |path| fs::write(path, "x").unwrap()),
        ("it is gone", |path| fs::remove_file(path).unwrap()),
        ("it is a folder", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::write(path.join("x"), "1").unwrap();
        }),
        ("it is a link", |path| {
            fs::remove_file(path).unwrap();
            symlink("other", path).unwrap();
        }),
    ];
    for (name, change) in changes {
        let place = Place::new();
        write(place.work.path(), &[("file", &"y".repeat(200_000)), ("other", "1")]);
        write(place.mount.path(), &[("file", "as it was")]);
        let path = place.work.path().join("file");
        let (mut sender, _) =
            connect_by(&place, |stream| Meddling { stream, then: Some(move || change(&path)) });
        let done = sender.sync(&mut place.tree()).unwrap();
        assert!(done.is_equal && done.problems.is_empty(), "{name}: {done:?}");
        place.assert_equal();
    }
}

#[test]
fn what_is_ignored_is_neither_sent_nor_touched() {
    let place = Place::new();
    let (work, mount) = (place.work.path(), place.mount.path());
    write(
        work,
        &[
            (".git/config", ""),
            (".gitignore", "node_modules/\n*.log\n/build\n"),
            (".slipwayignore", "docs/\n!keep.log\n"),
            ("app.py", "new"),
            ("debug.log", "here"),
            ("keep.log", "here"),
            ("docs/index.md", "here"),
            ("node_modules/a.js", "here"),
            ("web/.gitignore", "dist\n"),
            ("web/dist/x.js", "here"),
        ],
    );
    write(
        mount,
        &[
            ("app.py", "old"),
            ("gone.py", "x"),
            ("app.log", "there"),
            ("docs/own.md", "there"),
            ("node_modules/b.js", "there"),
            ("build/x.o", "there"),
            ("old/gone.py", "x"),
            ("old/own.log", "there"),
            ("empty/gone.py", "x"),
            ("web/dist/own.js", "there"),
        ],
    );
    let done = synced(&place);
    assert!(done.is_equal && done.problems.is_empty(), "{done:?}");
    let there = contents(mount);
    let files: Vec<_> =
        there.iter().filter(|(_, what)| *what != "folder").map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        files,
        [
            ".gitignore",
            ".slipwayignore",
            "app.log",
            "app.py",
            "build/x.o",
            "docs/own.md",
            "keep.log",
            "node_modules/b.js",
            "old/own.log",
            "web/.gitignore",
            "web/dist/own.js",
        ]
    );
    assert!(!there.contains_key("empty"));
    assert_eq!(fs::read_to_string(mount.join("app.py")).unwrap(), "new");
}

#[test]
fn rules_that_change_count_at_once() {
    let place = Place::new();
    write(place.work.path(), &[("a.gen", "here"), ("b", "here")]);
    let (mut sender, _) = connect(&place);
    let mut tree = place.tree();
    sender.sync(&mut tree).unwrap();
    write(place.work.path(), &[(".slipwayignore", "*.gen\n"), ("a.gen", "changed here")]);
    fs::write(place.mount.path().join("c.gen"), "there").unwrap();
    assert!(sender.sync(&mut tree).unwrap().is_equal);
    let there = contents(place.mount.path());
    assert!(there["a.gen"] == "0 here" && there.contains_key("c.gen"), "{there:?}");
    fs::remove_file(place.work.path().join(".slipwayignore")).unwrap();
    assert!(sender.sync(&mut tree).unwrap().is_equal);
    place.assert_equal();
}

#[test]
fn what_git_tracks_is_sent_although_it_matches_a_pattern() {
    let place = Place::new();
    let git = |words: &[&str]| {
        let done = Command::new("git").current_dir(place.work.path()).args(words).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    write(
        place.work.path(),
        &[("fixtures/a.log", "1"), ("fixtures/b.log", "1"), ("logs/deep/c", "1"), ("logs/d", "1")],
    );
    write(place.work.path(), &[(".gitignore", "*.log\nlogs/\n")]);
    git(&["init", "--quiet"]);
    git(&["add", "--force", "fixtures/a.log", "logs/deep/c"]);
    write(place.work.path(), &[(".git/info/exclude", "*.tmp\n"), ("x.tmp", "1")]);
    let done = synced(&place);
    assert!(done.is_equal && done.problems.is_empty(), "{done:?}");
    let there = contents(place.mount.path());
    assert_eq!(
        there.keys().collect::<Vec<_>>(),
        [".gitignore", "fixtures", "fixtures/a.log", "logs", "logs/deep", "logs/deep/c"]
    );
}

#[test]
fn a_folder_with_ignored_files_is_not_replaced_and_all_else_is_done() {
    let place = Place::new();
    write(place.work.path(), &[(".slipwayignore", "*.pyc\n"), ("lib", "a file now"), ("app.py", "1")]);
    write(place.mount.path(), &[("lib/x.pyc", "there"), ("lib/x.py", "1")]);
    let done = synced(&place);
    assert_eq!(done.problems.len(), 1, "{done:?}");
    assert_eq!(done.problems[0].path, "lib");
    let there = contents(place.mount.path());
    assert!(
        there.contains_key("lib/x.pyc") && there.contains_key("app.py") && !there.contains_key("lib/x.py")
    );
}

#[test]
fn only_who_may_execute_a_file_is_taken_of_its_mode() {
    let place = Place::new();
    write(place.work.path(), &[("new", "1"), ("run", "1"), ("secret", "2")]);
    write(place.mount.path(), &[("run", "1"), ("secret", "1"), ("same", "1")]);
    let set = |root: &Path, name: &str, mode| {
        fs::set_permissions(root.join(name), Permissions::from_mode(mode)).unwrap();
    };
    set(place.work.path(), "new", 0o600);
    set(place.work.path(), "run", 0o700);
    set(place.mount.path(), "run", 0o640);
    set(place.mount.path(), "secret", 0o600);
    synced(&place);
    let mode = |name: &str| fs::metadata(place.mount.path().join(name)).unwrap().mode() & 0o777;
    assert_eq!(["new", "run", "secret"].map(mode), [0o644, 0o750, 0o600]);
}

#[test]
fn the_longest_name_can_be_removed() {
    let place = Place::new();
    write(place.mount.path(), &[(&"n".repeat(255), "1"), ("a/b", "1")]);
    let done = synced(&place);
    assert_eq!((done.removed, done.is_equal), (2, true), "{done:?}");
    place.assert_equal();
}

#[test]
fn a_reload_runs_in_the_folder_and_is_due_until_it_has_run() {
    let place = Place::new();
    write(place.work.path(), &[("a", "1")]);
    let (mut sender, serving) = connect(&place);
    assert!(!sender.reload_due);
    sender.sync(&mut place.tree()).unwrap();
    assert!(sender.reload_due);
    drop(sender);
    serving.join().unwrap().unwrap();
    let (mut sender, _) = connect(&place);
    assert!(
        !sender.sync(&mut place.tree()).unwrap().is_change() && sender.reload_due,
        "the last one was cut off"
    );
    let mut printed = Vec::new();
    assert_eq!(sender.reload("ls; echo oh >&2; exit 4", &mut printed).unwrap(), Some(4));
    assert_eq!(String::from_utf8(printed).unwrap(), "a\noh\n");
    assert!(!sender.reload_due && !connect(&place).0.reload_due);
}

#[test]
fn a_mount_that_is_not_there_is_told_with_what_to_do() {
    let place = Place::new();
    let (out, input) = std::os::unix::net::UnixStream::pair().unwrap();
    let order = slipway_agent::live::SyncOrder::new(place.mount.path().join("none"));
    let outgoing = slipway_agent::live::Outgoing::new(input.try_clone().unwrap());
    let error = slipway_agent::live::serve(&order, input, &outgoing).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "is not in the container, or may not be read there: correct run.mount in manifest.yaml"
        )
    );
    let greeted = slipway_agent::live::Sender::greet(out.try_clone().unwrap(), out).err().unwrap();
    assert_eq!(greeted.to_string(), error);
}
