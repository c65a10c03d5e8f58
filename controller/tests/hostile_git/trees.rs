//! Names, trees and files that no repository should have.

use std::io::Write as _;
use std::process::{Command, Stdio};

use slipway_controller::git::{Content, GitError, Limits};

use super::support::repository::Repository;
use super::{FILE, FOLDER, World, files_below, limits, one, text};

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let world = World::new().await;
    let blob = world.repository.blob(b"x");
    let below = world.repository.folder(&[(FILE, b"a.yaml", blob)]);
    let long = "n".repeat(4096);
    let names: [&[u8]; 12] = [
        b"..",
        b".",
        b".git",
        b".GIT",
        b"git~1",
        b"a/b.yaml",
        b"../../etc/x.yaml",
        b"a\\b.yaml",
        b"a\n.yaml",
        "a\u{202e}lmay.".as_bytes(),
        b"\x1b[31m.yaml",
        long.as_bytes(),
    ];
    for name in names {
        for entry in [(FILE, name, blob), (FOLDER, name, below)] {
            let folder = world.repository.folder(&[entry]);
            let commit = world.repository.commit_folder("main", folder);
            let shown = name.escape_ascii().to_string();
            let read = match world.fetch().await {
                // libgit2 itself refuses some of them.
                Err(error) => Err(error),
                Ok(()) => world.read(&commit).await,
            };
            let error = read.unwrap_err();
            let told = matches!(error, GitError::TreeRefused { .. } | GitError::Unreachable { .. });
            assert!(told, "{shown}: {error:?}");
            let printed = error.to_string();
            assert!(!printed.chars().any(|c| c.is_control() || c == '\u{202e}'), "{printed:?}");
        }
    }
}

#[tokio::test]
async fn a_name_that_is_no_text_matters_only_where_it_is_read() {
    let world = World::new().await;
    let blob = world.repository.blob(b"x");
    let old = world.repository.folder(&[(FILE, b"a.yaml", blob), (FILE, b"gr\xf6\xdfe.txt", blob)]);
    let commit = world.repository.commit_folder("main", old);
    world.fetch().await.unwrap();
    assert_eq!(world.read(&commit).await.unwrap(), one("a.yaml", "x"));
    let bad = world.repository.folder(&[(FILE, b"gr\xf6\xdfe.yaml", blob)]);
    let commit = world.repository.commit_folder("main", bad);
    world.fetch().await.unwrap();
    let error = world.read(&commit).await.unwrap_err();
    assert!(matches!(error, GitError::TreeRefused { .. }), "{error}");
}

#[tokio::test]
async fn submodules_links_hooks_filters_and_large_file_pointers_are_only_names_and_text() {
    let world = World::new().await;
    let repository = &world.repository;
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let outside = world.cache.path().join("touched");
    let command = format!("touch {}", outside.display());
    let modules = format!(
        "[submodule \"a..b/../../../.git/\"]\n\tpath = m\r\n\turl = ext::sh -c \"{command}\"\n\tupdate = !{command}\n"
    );
    let script = repository.blob(format!("#!/bin/sh\n{command}\n").as_bytes());
    let hooks = repository.folder(&[("100755", b"post-checkout", script)]);
    let lfs = repository.blob(pointer.as_bytes());
    let link = repository.blob(b"/etc/passwd");
    let folder = repository.folder(&[
        (FILE, b".gitattributes", repository.blob(b"*.yaml filter=lfs diff=evil merge=evil ident\n")),
        (FILE, b".gitmodules", repository.blob(modules.as_bytes())),
        (FILE, b"b.yaml", lfs),
        (FOLDER, b"hooks", hooks),
        ("120000", b"l.yaml", link),
        ("160000", b"m", git2::Oid::from_str(&"12".repeat(20)).unwrap()),
        ("160000", b"n.yaml", git2::Oid::from_str(&"34".repeat(20)).unwrap()),
    ]);
    let commit = repository.commit_folder("main", folder);
    world.server.take_requests();
    world.fetch().await.unwrap();
    assert_eq!(world.read(&commit).await.unwrap(), one("b.yaml", pointer));
    let mut requests = world.server.take_requests();
    requests.dedup();
    assert_eq!(
        requests,
        ["GET /fleet.git/info/refs?service=git-upload-pack", "POST /fleet.git/git-upload-pack"]
    );
    let mut files = Vec::new();
    files_below(world.cache.path(), &mut files);
    assert!(
        !files.iter().any(|path| path.contains("post-checkout") || path.contains("touched")),
        "{files:?}"
    );
}

#[tokio::test]
async fn a_tree_that_unfolds_without_end_is_ended() {
    let world = World::with(Limits { entries: 1_000, ..limits() }).await;
    let mut inner = world.repository.folder(&[(FILE, b"x", world.repository.blob(b"x"))]);
    let names: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
    for _ in 0..10 {
        let entries: Vec<_> = names.iter().map(|name| (FOLDER, name.as_bytes(), inner)).collect();
        inner = world.repository.folder(&entries);
    }
    let commit = world.repository.commit_folder("main", inner);
    world.fetch().await.unwrap();
    let error = world.read(&commit).await.unwrap_err();
    assert!(matches!(&error, GitError::TooLarge { what, .. } if what == "the number of names"), "{error}");
}

#[tokio::test]
async fn folders_of_very_many_names_and_very_deep_ones_are_not_read() {
    let world = World::with(Limits { entry_bytes: 10_000, depth: 8, ..limits() }).await;
    let blob = world.repository.blob(b"x");
    let names: Vec<String> = (0..1000).map(|n| format!("{n:06}.yaml")).collect();
    let entries: Vec<_> = names.iter().map(|name| (FILE, name.as_bytes(), blob)).collect();
    let wide = world.repository.folder(&entries);
    let mut deep = blob_folder(&world.repository);
    for _ in 0..2_000 {
        deep = world.repository.folder(&[(FOLDER, b"d", deep)]);
    }
    let below = world.repository.folder(&[(FOLDER, b"wide", wide)]);
    for (folder, what) in
        [(wide, "the root folder"), (below, "folder `wide`"), (deep, "folder `d/d/d/d/d/d/d/d/d`")]
    {
        let commit = world.repository.commit_folder("main", folder);
        world.fetch().await.unwrap();
        let error = world.read(&commit).await.unwrap_err();
        assert!(matches!(&error, GitError::TooLarge { what: w, .. } if w == what), "{what}: {error}");
    }
}

fn blob_folder(repository: &Repository) -> git2::Oid {
    repository.folder(&[(FILE, b"a.yaml", repository.blob(b"x"))])
}

#[tokio::test]
async fn a_file_that_grows_when_it_is_unpacked_is_not_unpacked() {
    let world = World::new().await;
    let bomb = vec![b'#'; 64 * 1024 * 1024];
    let folder = world.repository.folder(&[
        (FILE, b"a.yaml", world.repository.blob(b"x")),
        (FILE, b"bomb.yaml", world.repository.blob(&bomb)),
    ]);
    let commit = world.repository.commit_folder("main", folder);
    world.fetch().await.unwrap();
    let read = world.read(&commit).await.unwrap();
    assert_eq!(read[0], ("a.yaml".to_owned(), text("x")));
    assert_eq!(read[1], ("bomb.yaml".to_owned(), Content::TooLarge(bomb.len())));
    let error = world.git.read_file(&world.remote, &commit, "bomb.yaml").await.unwrap_err();
    assert!(matches!(error, GitError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_difference_that_grows_beyond_the_limit_is_not_unpacked() {
    let world = World::new().await;
    let mut large = vec![0_u8; 6 * 1024 * 1024];
    for (at, byte) in large.iter_mut().enumerate() {
        *byte = u8::try_from(at.wrapping_mul(2_654_435_761) >> 7 & 0xff).unwrap();
    }
    let first = world.repository.blob(&large);
    large[1000] ^= 1;
    let second = world.repository.blob(&large);
    let folder = world.repository.folder(&[(FILE, b"one", first), (FILE, b"two", second)]);
    let commit = world.repository.commit_folder("main", folder);
    let error = world.fetch().await.unwrap_err();
    assert!(matches!(&error, GitError::TooLarge { what, .. } if what == "an object"), "{error}");
    assert!(!world.has(&commit).await);
}

#[tokio::test]
async fn a_chain_of_thousands_of_differences_is_read() {
    let world = World::new().await;
    let count = 2_000;
    let mut stream = String::new();
    let base = "line\n".repeat(200);
    let mut marks = String::new();
    for n in 1..=count {
        let content = format!("{base}version {n}\n");
        stream.extend([format!("blob\nmark :{n}\ndata {}\n{content}\n", content.len())]);
        marks.extend([format!("M 100644 :{n} f/{n:05}.yaml\n")]);
    }
    stream.extend([format!(
        "commit refs/heads/main\ncommitter e <e@x> 1800000000 +0000\ndata 1\nx\n{marks}\n"
    )]);
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet", "--depth=4000"]).env("GIT_DIR", world.repository.path());
    let mut import = import.stdin(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    world.fetch().await.unwrap();
    let refs = world.git.refs(&world.remote).await.unwrap();
    let read = world.read(refs.branch("main").unwrap()).await.unwrap();
    assert_eq!(read.len(), count);
    assert_eq!(read[count - 1].1, text(&format!("{base}version {count}\n")));
}
