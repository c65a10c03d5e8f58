//! Archives of repositories that are written object by object.

use std::io::Read as _;

use flate2::read::GzDecoder;
use git2::{ObjectType, Oid, Repository};

use super::*;

struct World {
    folder: tempfile::TempDir,
    git: Repository,
    limits: Limits,
}

/// A name in a folder, with its mode and what it is.
type Named<'a> = (&'a str, &'a [u8], Oid);

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = Repository::init_bare(folder.path()).unwrap();
        Self { folder, git, limits: Limits::default() }
    }

    fn object(&self, kind: ObjectType, bytes: &[u8]) -> Oid {
        self.git.odb().unwrap().write(kind, bytes).unwrap()
    }

    fn blob(&self, content: &str) -> Oid {
        self.object(ObjectType::Blob, content.as_bytes())
    }

    /// A folder with exactly these names, unchecked.
    fn tree(&self, entries: &[Named<'_>]) -> Oid {
        let line =
            |(mode, name, id): &Named<'_>| [mode.as_bytes(), b" ", *name, b"\0", id.as_bytes()].concat();
        self.object(ObjectType::Tree, &entries.iter().flat_map(line).collect::<Vec<u8>>())
    }

    fn commit(&self, time: i64, tree: Oid, parents: &[&CommitId]) -> CommitId {
        let parents = parents.iter().fold(String::new(), |text, parent| format!("{text}parent {parent}\n"));
        let who = format!("emma <emma@example.com> {time} +0000");
        let text = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\nx\n");
        let id = self.object(ObjectType::Commit, text.as_bytes());
        self.git.reference("refs/heads/main", id, true, "test").unwrap();
        id.to_string().parse().unwrap()
    }

    fn prepared(&self, from: Option<&CommitId>, to: &CommitId) -> Result<Option<Sources>, GitError> {
        let remote = Remote::public("https://git.example.com/www.git").unwrap();
        prepare(&self.git, &remote, from, to, &self.limits)
    }

    /// The archive, a line an entry: path, mode, time, content or target.
    fn listed(&self, from: Option<&CommitId>, to: &CommitId) -> Vec<String> {
        let remote = Remote::public("https://git.example.com/www.git").unwrap();
        let sources = self.prepared(from, to).unwrap().unwrap();
        let bytes = write(&self.git, &remote, &sources, Vec::new()).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(bytes.as_slice()));
        let line = |entry: std::io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let (mode, time) = (entry.header().mode().unwrap(), entry.header().mtime().unwrap());
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
            format!("{path} {mode:o} {time} {}", target.unwrap_or(content)).trim_end().to_owned()
        };
        archive.entries().unwrap().map(line).collect()
    }

    fn refusal(&self, to: &CommitId) -> String {
        self.prepared(None, to).unwrap_err().to_string()
    }
}

const FILE: &str = "100644";
const PROGRAM: &str = "100755";
const LINK: &str = "120000";
const TREE: &str = "40000";
const SUBMODULE: &str = "160000";

#[test]
fn a_whole_commit_has_folders_before_files_and_is_no_older_than_its_history() {
    let world = World::new();
    let folder = |content: &str| {
        world.tree(&[(FILE, b"main.py", world.blob(content)), (LINK, b"now", world.blob("main.py"))])
    };
    let root = |content: &str| {
        world.tree(&[(TREE, b"app", folder(content)), (PROGRAM, b"start", world.blob("#!/bin/sh"))])
    };
    let first = world.commit(1_000, root("print(1)"), &[]);
    let second = world.commit(2_000, root("print(2)"), &[&first]);
    let expected = [
        "app/ 755 2000",
        "app/main.py 644 2000 print(2)",
        "app/now 777 1000 main.py",
        "start 755 1000 #!/bin/sh",
    ];
    assert_eq!(world.listed(None, &second), expected);
    assert_eq!(world.listed(None, &second), expected, "the same commit is the same archive");
}

#[test]
fn a_difference_says_what_is_new_and_what_is_gone() {
    let world = World::new();
    let [kept, old, new] = ["kept", "old", "new"].map(|content| world.blob(content));
    let below = |name: &[u8], id: Oid| world.tree(&[(FILE, name, id)]);
    let first = world.commit(
        1_000,
        world.tree(&[
            (FILE, b"kept", kept),
            (FILE, b"left", old),
            (FILE, b"page", old),
            (TREE, b"pages", below(b"a", old)),
            (TREE, b"whole", below(b"a", old)),
        ]),
        &[],
    );
    let second = world.commit(
        2_000,
        world.tree(&[(PROGRAM, b"kept", kept), (TREE, b"page", below(b"b", new)), (FILE, b"pages", new)]),
        &[&first],
    );
    let expected = [
        ".wh.left 0 0",
        ".wh.whole 0 0",
        "kept 755 2000 kept",
        "page/ 755 2000",
        "page/b 644 2000 new",
        "pages 644 2000 new",
    ];
    assert_eq!(world.listed(Some(&first), &second), expected);
    assert!(world.prepared(Some(&second), &second).unwrap().unwrap().is_empty());
}

#[test]
fn a_difference_gives_files_the_times_that_the_whole_gives_them() {
    let world = World::new();
    let file =
        |content: &str| world.tree(&[(FILE, b"a", world.blob(content)), (FILE, b"b", world.blob("b"))]);
    let first = world.commit(1_000, file("1"), &[]);
    let second = world.commit(2_000, file("2"), &[&first]);
    let third = world.commit(3_000, world.tree(&[(FILE, b"a", world.blob("2"))]), &[&second]);
    assert_eq!(world.listed(Some(&first), &third), [".wh.b 0 0", "a 644 2000 2"]);
    assert_eq!(world.listed(None, &third), ["a 644 2000 2"]);
}

#[test]
fn of_a_merge_a_file_has_the_time_of_the_side_that_it_came_from() {
    let world = World::new();
    let root = |a: &str, b: &str, c: &str| {
        world.tree(&[(FILE, b"a", world.blob(a)), (FILE, b"b", world.blob(b)), (FILE, b"c", world.blob(c))])
    };
    let base = world.commit(1_000, root("1", "1", "1"), &[]);
    let ours = world.commit(2_000, root("2", "1", "1"), &[&base]);
    let theirs = world.commit(3_000, root("theirs", "2", "1"), &[&base]);
    let merge = world.commit(4_000, root("2", "2", "both"), &[&ours, &theirs]);
    assert_eq!(world.listed(None, &merge), ["a 644 2000 2", "b 644 3000 2", "c 644 4000 both"]);
}

#[test]
fn a_long_history_is_not_read_to_its_end() {
    let mut world = World::new();
    let root =
        |content: &str| world.tree(&[(FILE, b"new", world.blob(content)), (FILE, b"old", world.blob("x"))]);
    let first = world.commit(1_000, root("1"), &[]);
    let second = world.commit(2_000, root("2"), &[&first]);
    let third = world.commit(3_000, root("3"), &[&second]);
    world.limits.history_commits = 2;
    assert_eq!(world.listed(None, &third), ["new 644 3000 3", "old 644 2000 x"]);
}

#[test]
fn a_submodule_is_an_empty_folder() {
    let world = World::new();
    let other = Oid::from_str("0123456789012345678901234567890123456789").unwrap();
    let commit = world.commit(1_000, world.tree(&[(SUBMODULE, b"vendored", other)]), &[]);
    assert_eq!(world.listed(None, &commit), ["vendored/ 755 1000"]);
}

#[test]
fn a_commit_that_was_pushed_over_or_never_was_is_nothing_to_start_from() {
    let world = World::new();
    let one = world.tree(&[(FILE, b"a", world.blob("1"))]);
    let lost = world.commit(1_000, one, &[]);
    let now = world.commit(2_000, one, &[]);
    assert!(world.prepared(Some(&lost), &now).unwrap().is_none());
    let unknown = "0123456789012345678901234567890123456789".parse().unwrap();
    assert!(world.prepared(Some(&unknown), &now).unwrap().is_none());
    assert!(world.prepared(None, &unknown).is_err());
}

#[test]
fn hostile_names_are_refused_before_anything_is_sent() {
    let world = World::new();
    let empty = world.blob("");
    for name in [b".wh.hosts".as_slice(), b"..", b".git", b"a/b", b"a\nb"] {
        let below = world.tree(&[(FILE, name, empty)]);
        let commit = world.commit(1_000, world.tree(&[(TREE, b"app", below)]), &[]);
        let said = world.refusal(&commit);
        assert!(said.contains("a name in folder `/app`"), "{said}");
    }
    let fine = world.commit(1_000, world.tree(&[(FILE, b"gr\xf6\xdfe", empty)]), &[]);
    assert_eq!(world.listed(None, &fine).len(), 1, "a name need not be text");
    let link = world.commit(1_000, world.tree(&[(LINK, b"link", empty)]), &[]);
    assert!(world.refusal(&link).contains("the target of the link `link` is no path"));
}

/// Sets one of the limits.
type Set = fn(&mut Limits);

#[test]
fn what_is_too_large_is_refused_before_anything_is_sent() {
    let mut world = World::new();
    let two = world.tree(&[(FILE, b"a", world.blob("12345")), (FILE, b"b", world.blob("12345"))]);
    let commit = world.commit(1_000, world.tree(&[(TREE, b"app", two)]), &[]);
    let cases: [(Set, &str); 4] = [
        (|limits| limits.source_file_bytes = 4, "file `app/a`"),
        (|limits| limits.source_bytes = 9, "all files"),
        (|limits| limits.entries = 2, "the number of names"),
        (|limits| limits.depth = 0, "folder `app`"),
    ];
    for (set, expected) in cases {
        world.limits = Limits::default();
        set(&mut world.limits);
        let said = world.refusal(&commit);
        assert!(said.contains(expected), "{said}");
    }
    assert!(world.folder.path().exists());
}
