//! Git over real HTTP: mirrors, references, files, and what goes wrong.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, also in what they share")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use slipway_controller::git::{
    Content, Credentials, Git, GitError, Limits, ReferenceKind, Remote, Snapshot, Want,
};
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::files::is_manifest;
use support::git_server::{Behaviour, GitServer};

const MAIN: &str = "refs/heads/main";

fn limits() -> Limits {
    Limits { silence: Duration::from_secs(1), ..Limits::default() }
}

fn git() -> (Git, tempfile::TempDir) {
    git_with(limits())
}

fn git_with(limits: Limits) -> (Git, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Git::new(folder.path(), limits).unwrap(), folder)
}

fn main_branch() -> Want {
    Want::Reference(MAIN.to_owned())
}

fn basic() -> Behaviour {
    Behaviour { authorization: Some("Basic ZW1tYTpodW50ZXIy".to_owned()), ..Behaviour::default() }
}

fn as_emma(url: &str, password: &str) -> Remote {
    let entry = |key: &str, value: &str| (key.to_owned(), ByteString(value.as_bytes().to_vec()));
    let data = BTreeMap::from([entry("username", "emma"), entry("password", password)]);
    let remote = Remote::public(url).unwrap();
    let credentials = Some(Credentials::from_secret("platform/git", &data, &remote.url).unwrap());
    Remote { credentials, ..remote }
}

async fn has(git: &Git, remote: &Remote, commit: &CommitId) -> bool {
    git.has_commit(remote, commit).await.unwrap()
}

#[tokio::test]
async fn the_first_fetch_is_shallow_and_later_ones_add_the_new_commits() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let first = repository.commit("main", &[("a.yaml", "1")]);
    let second = repository.commit("main", &[("a.yaml", "2")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    assert!(has(&git, &remote, &second).await && !has(&git, &remote, &first).await);

    let third = repository.commit("main", &[("a.yaml", "3")]);
    let fourth = repository.commit("main", &[("a.yaml", "4")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    assert!(has(&git, &remote, &third).await && !has(&git, &remote, &first).await);
    assert!(git.is_ancestor(&remote, &second, &fourth).await.unwrap());
    assert!(!git.is_ancestor(&remote, &fourth, &second).await.unwrap());
}

#[tokio::test]
async fn a_look_at_a_branch_is_one_conversation_and_brings_only_what_is_new() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let main = || git.follow(&remote, |_| Some(MAIN.to_owned()));
    let first = repository.commit("main", &[("a.yaml", "1")]);
    assert_eq!(main().await.unwrap(), Some((MAIN.to_owned(), first)));
    let second = repository.commit("main", &[("a.yaml", "2")]);
    let count = |verb: &str, all: &[String]| all.iter().filter(|line| line.starts_with(verb)).count();

    server.take_requests();
    assert_eq!(main().await.unwrap(), Some((MAIN.to_owned(), second.clone())));
    assert!(has(&git, &remote, &second).await);
    let brought = server.take_requests();
    assert_eq!(count("GET", &brought), 1, "{brought:?}");
    assert!(count("POST", &brought) > 0, "{brought:?}");

    main().await.unwrap();
    let looked = server.take_requests();
    assert_eq!((count("GET", &looked), count("POST", &looked)), (1, 0), "{looked:?}");
    assert_eq!(git.follow(&remote, |_| Some("refs/heads/none".to_owned())).await.unwrap(), None);
}

#[tokio::test]
async fn rewritten_history_is_noticed_in_a_shallow_mirror() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    repository.commit("main", &[("a.yaml", "1")]);
    let before = repository.commit("main", &[("a.yaml", "2")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    let after = repository.rewrite("main", &[("a.yaml", "3")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    assert!(has(&git, &remote, &before).await && has(&git, &remote, &after).await);
    assert!(!git.is_ancestor(&remote, &before, &after).await.unwrap());
    assert_eq!(git.read_file(&remote, &before, "a.yaml").await.unwrap().unwrap(), b"2");
}

#[tokio::test]
async fn a_shallow_mirror_can_be_completed() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let first = repository.commit("main", &[("a.yaml", "1")]);
    repository.commit("main", &[("a.yaml", "2")]);
    let last = repository.commit("main", &[("a.yaml", "3")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    git.fetch(&remote, Want::History(MAIN.to_owned())).await.unwrap();
    assert!(git.is_ancestor(&remote, &first, &last).await.unwrap());
}

#[tokio::test]
async fn a_pinned_commit_is_found_in_the_whole_history_and_only_there() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let pushed_over = repository.commit("main", &[("a.yaml", "0")]);
    let pinned = repository.rewrite("main", &[("a.yaml", "1")]);
    repository.commit("main", &[("a.yaml", "2")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    git.fetch(&remote, Want::Commit(pinned.clone())).await.unwrap();
    assert_eq!(git.resolve(&remote, pinned.as_str()).await.unwrap().commit, pinned);
    server.take_requests();
    git.fetch(&remote, Want::Commit(pinned)).await.unwrap();
    assert_eq!(server.take_requests(), Vec::<String>::new());

    git.fetch(&remote, Want::Commit(pushed_over.clone())).await.unwrap();
    let error = git.resolve(&remote, pushed_over.as_str()).await.unwrap_err();
    assert!(matches!(error, GitError::ReferenceNotFound { .. }), "{error}");
}

#[tokio::test]
async fn branches_tags_and_commits_are_resolved() {
    let server = GitServer::start().await;
    let repository = server.repository("www.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("www.git")).unwrap();
    let first = repository.commit("main", &[("a", "1")]);
    repository.tag("v1", &first);
    let second = repository.commit("main", &[("a", "2")]);
    let fix = repository.commit("fix-eta", &[("a", "3")]);
    let refs = git.update(&remote).await.unwrap();
    assert_eq!((refs.branch("main"), refs.tag("v1")), (Some(&second), Some(&first)));
    for (reference, commit, kind) in [
        ("main", &second, ReferenceKind::Branch),
        ("fix-eta", &fix, ReferenceKind::Branch),
        ("v1", &first, ReferenceKind::Tag),
        (first.as_str(), &first, ReferenceKind::Commit),
        (fix.short(), &fix, ReferenceKind::Commit),
    ] {
        let resolved = git.resolve(&remote, reference).await.unwrap();
        assert_eq!((&resolved.commit, resolved.kind), (commit, kind), "{reference}");
    }
    for reference in ["nope", "0000000000", "refs/heads/main", "mai*", "../main", ""] {
        let error = git.resolve(&remote, reference).await.unwrap_err();
        assert!(matches!(error, GitError::ReferenceNotFound { .. }), "{reference}: {error}");
    }
}

#[tokio::test]
async fn a_mirror_follows_the_server_and_is_fetched_only_when_it_differs() {
    let server = GitServer::start().await;
    let repository = server.repository("www.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("www.git")).unwrap();
    repository.commit("main", &[("a", "1")]);
    repository.commit("fix", &[("a", "2")]);
    git.update(&remote).await.unwrap();
    server.take_requests();
    git.update(&remote).await.unwrap();
    assert_eq!(server.take_requests(), ["GET /www.git/info/refs?service=git-upload-pack"]);

    repository.delete_branch("fix");
    let typo = repository.commit("fix/typo", &[("a", "3")]);
    git.update(&remote).await.unwrap();
    assert_eq!(git.resolve(&remote, "fix/typo").await.unwrap().commit, typo);
    assert!(git.resolve(&remote, "fix").await.is_err());
}

#[tokio::test]
async fn a_repository_without_commits_is_empty() {
    let server = GitServer::start().await;
    server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    assert!(git.refs(&remote).await.unwrap().is_empty());
    for error in [
        git.fetch(&remote, main_branch()).await.unwrap_err(),
        git.resolve(&remote, "main").await.unwrap_err(),
    ] {
        assert!(matches!(error, GitError::RepositoryEmpty { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_branch_that_is_gone_is_named_and_what_was_fetched_stays() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let commit = repository.commit("trunk", &[("a.yaml", "1")]);
    repository.commit("main", &[("a.yaml", "2")]);
    git.fetch(&remote, Want::Reference("refs/heads/trunk".to_owned())).await.unwrap();
    repository.delete_branch("trunk");
    let error = git.fetch(&remote, Want::Reference("refs/heads/trunk".to_owned())).await.unwrap_err();
    assert!(error.to_string().contains("has no refs/heads/trunk"), "{error}");
    assert_eq!(git.read_file(&remote, &commit, "a.yaml").await.unwrap().unwrap(), b"1");
}

#[tokio::test]
async fn credentials_are_sent_and_their_refusal_is_told_apart() {
    let server = GitServer::start().await;
    let url = server.url("fleet.git");
    let commit = server.repository("fleet.git").commit("main", &[("a.yaml", "1")]);
    server.behave(basic());
    let (git, _cache) = git();
    let valid = as_emma(&url, "hunter2");
    git.fetch(&valid, main_branch()).await.unwrap();

    let error = git.refs(&as_emma(&url, "wrong-pass")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{url} refused access: the credentials in Secret platform/git are not valid")
    );
    let error = git.refs(&Remote::public(&url).unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{url} refused access: it wants credentials and none are set"));
    server.behave(Behaviour { status: Some(403), ..basic() });
    let error = git.refs(&valid).await.unwrap_err();
    assert!(matches!(error, GitError::AuthenticationRefused { .. }), "{error}");
    assert!(!format!("{error} {error:?} {valid:?}").contains("hunter2"));
    assert_eq!(git.read_file(&valid, &commit, "a.yaml").await.unwrap().unwrap(), b"1");
}

#[tokio::test]
async fn what_one_identity_fetched_another_does_not_read() {
    let server = GitServer::start().await;
    let url = server.url("fleet.git");
    let commit = server.repository("fleet.git").commit("main", &[("a.yaml", "1")]);
    server.behave(basic());
    let (git, _cache) = git();
    git.fetch(&as_emma(&url, "hunter2"), main_branch()).await.unwrap();
    assert!(!has(&git, &Remote::public(&url).unwrap(), &commit).await);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let (server, other) = (GitServer::start().await, GitServer::start().await);
    // Another name is another host to libgit2, also when both are this machine.
    let elsewhere = other.url("elsewhere").replace("127.0.0.1", "localhost");
    server.behave(Behaviour { redirect: Some(elsewhere), ..Behaviour::default() });
    let (git, _cache) = git();
    let remote = as_emma(&server.url("fleet.git"), "hunter2");
    for error in [git.refs(&remote).await.unwrap_err(), git.fetch(&remote, main_branch()).await.unwrap_err()]
    {
        assert!(matches!(error, GitError::UrlRefused { .. }), "{error}");
    }
    assert_eq!(other.take_requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_is_gone_broken_or_silent_is_told_apart() {
    let server = GitServer::start().await;
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    for status in [404, 500] {
        server.behave(Behaviour { status: Some(status), ..Behaviour::default() });
        let error = git.refs(&remote).await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
    server.behave(Behaviour { silent: true, ..Behaviour::default() });
    let error = git.refs(&remote).await.unwrap_err();
    assert!(matches!(error, GitError::TimedOut { .. }), "{error}");
    drop(server);
    let closed = Remote::public("http://127.0.0.1:1/fleet.git").unwrap();
    let error = git.refs(&closed).await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn files_are_read_from_the_object_database() {
    let server = GitServer::start().await;
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let commit = server.repository("fleet.git").commit(
        "main",
        &[
            ("README.md", "hello"),
            ("env/b.yaml", "b"),
            ("env/a.yaml", "a"),
            ("env/deep/er/c.yaml", "c"),
            ("env/link.yaml", "-> /etc/passwd"),
            ("other.yaml", "o"),
        ],
    );
    git.fetch(&remote, main_branch()).await.unwrap();
    let read = async |path| {
        let files = git.read_tree(&remote, &commit, path, is_manifest).await?;
        Ok::<_, GitError>(files.into_iter().map(|file| file.path).collect::<Vec<_>>())
    };
    assert_eq!(read("/env/").await.unwrap(), ["env/a.yaml", "env/b.yaml", "env/deep/er/c.yaml"]);
    assert_eq!(read("").await.unwrap().len(), 4);
    for path in ["nope", "README.md", "../env"] {
        let error = read(path).await.unwrap_err();
        assert!(matches!(error, GitError::PathNotFound { .. }), "{path}: {error}");
    }
    assert_eq!(git.read_file(&remote, &commit, "README.md").await.unwrap().unwrap(), b"hello");
    for path in ["nope", "env", "env/link.yaml"] {
        assert_eq!(git.read_file(&remote, &commit, path).await.unwrap(), None, "{path}");
    }
}

#[tokio::test]
async fn differences_and_the_files_before_are_all_files() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let (git, _cache) = git();
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let revisions: [&[(&str, &str)]; 5] = [
        &[("env/a.yaml", "a"), ("env/b.yaml", "b"), ("env/deep/c.yaml", "c"), ("x.yaml", "x")],
        &[("env/a.yaml", "a"), ("env/b.yaml", "other"), ("env/deep/d.yaml", "c"), ("x.yaml", "new")],
        &[("env/a.yaml", "-> b.yaml"), ("env/b.yaml", "other"), ("env/deep", "a file now")],
        &[("env/a.yaml/b.yaml", "a folder now"), ("env/deep/c.yaml", "c"), ("env/README.md", "r")],
        &[("env/a.yaml", "a"), ("env/deep/c.yaml", "c")],
    ];
    let mut known: BTreeMap<String, Content> = BTreeMap::new();
    let mut snapshot: Option<Snapshot> = None;
    for files in revisions {
        let commit = repository.commit("main", files);
        git.fetch(&remote, main_branch()).await.unwrap();
        let all = git.read_tree(&remote, &commit, "env", is_manifest).await.unwrap();
        if let Some(before) = &snapshot {
            let changes = git.read_changes(&remote, before, &commit, is_manifest).await.unwrap().unwrap();
            known.retain(|path, _| !changes.gone.contains(path));
            known.extend(changes.files.into_iter().map(|file| (file.path, file.content)));
        } else {
            known.extend(all.iter().map(|file| (file.path.clone(), file.content.clone())));
        }
        let all: BTreeMap<_, _> = all.into_iter().map(|file| (file.path, file.content)).collect();
        assert_eq!(known, all, "{files:?}");
        snapshot = Some(Snapshot::of(
            &commit,
            "env",
            &git.read_tree(&remote, &commit, "env", is_manifest).await.unwrap(),
        ));
    }
}

#[tokio::test]
async fn sizes_are_capped() {
    let server = GitServer::start().await;
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let long = "x".repeat(1000);
    let commit = server
        .repository("fleet.git")
        .commit("main", &[("a.yaml", "a"), ("b.yaml", long.as_str()), ("c/d/e.yaml", "e")]);
    let tree = async |limits: Limits| {
        let (git, _cache) = git_with(limits);
        git.fetch(&remote, main_branch()).await?;
        git.read_tree(&remote, &commit, "", |_| true).await
    };
    let files = tree(Limits { file_bytes: 999, ..limits() }).await.unwrap();
    assert_eq!(files[1].content, Content::TooLarge(1000));
    for (small, what) in [
        (Limits { fetch_bytes: 10, ..limits() }, "a fetch"),
        (Limits { files: 2, ..limits() }, "the number of files"),
        (Limits { tree_bytes: 1000, ..limits() }, "the size of all files"),
        (Limits { depth: 1, ..limits() }, "folder `c/d`"),
    ] {
        let error = tree(small).await.unwrap_err();
        assert!(matches!(&error, GitError::TooLarge { what: w, .. } if w == what), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_mirror_outlives_the_process_and_the_locks_it_left() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let first = repository.commit("main", &[("a.yaml", "1")]);
    Git::new(folder.path(), limits()).unwrap().fetch(&remote, main_branch()).await.unwrap();
    let mirror = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::write(mirror.join("refs/heads/main.lock"), "").unwrap();
    std::fs::write(mirror.join("objects/pack/pack_git2_x"), "half").unwrap();
    std::fs::create_dir(folder.path().join("new-half")).unwrap();

    let git = Git::new(folder.path(), limits()).unwrap();
    let second = repository.commit("main", &[("a.yaml", "2")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    assert!(git.is_ancestor(&remote, &first, &second).await.unwrap());
    assert!(!folder.path().join("new-half").exists());
    assert!(!mirror.join("objects/pack/pack_git2_x").exists());
}

#[tokio::test]
async fn many_packs_become_one_and_nothing_is_lost() {
    let server = GitServer::start().await;
    let repository = server.repository("fleet.git");
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let (git, cache) = git_with(Limits { packs: 3, ..limits() });
    repository.commit("main", &[("a.yaml", "0")]);
    let pushed_over = repository.commit("main", &[("a.yaml", "1")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    let mut commits = vec![pushed_over, repository.rewrite("main", &[("a.yaml", "2")])];
    for content in ["3", "4", "5"] {
        git.fetch(&remote, main_branch()).await.unwrap();
        commits.push(repository.commit("main", &[("a.yaml", content)]));
    }
    git.fetch(&remote, main_branch()).await.unwrap();
    let mirror = std::fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap().path();
    let packs = std::fs::read_dir(mirror.join("objects/pack")).unwrap();
    let packs = packs.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "pack").count();
    assert!(packs <= 3, "{packs} packs");
    for (commit, content) in commits.iter().zip(["1", "2", "3", "4", "5"]) {
        let read = git.read_file(&remote, commit, "a.yaml").await.unwrap();
        assert_eq!(read.as_deref(), Some(content.as_bytes()));
    }
    let latest = repository.commit("main", &[("a.yaml", "6")]);
    git.fetch(&remote, main_branch()).await.unwrap();
    assert!(git.is_ancestor(&remote, &commits[1], &latest).await.unwrap());
}

#[tokio::test]
async fn a_broken_mirror_is_made_anew() {
    let server = GitServer::start().await;
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    let commit = server.repository("fleet.git").commit("main", &[("a.yaml", "1")]);
    let (git, cache) = git();
    git.fetch(&remote, main_branch()).await.unwrap();
    let mirror = std::fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(mirror.join("HEAD")).unwrap();
    git.fetch(&remote, main_branch()).await.unwrap();
    assert!(has(&git, &remote, &commit).await);
}

#[tokio::test]
async fn many_fetches_at_once_are_one_after_the_other() {
    let server = GitServer::start().await;
    let remote = Remote::public(&server.url("fleet.git")).unwrap();
    server.repository("fleet.git").commit("main", &[("a.yaml", "1")]);
    let (git, cache) = git();
    let fetches = (0..8).map(|_| git.fetch(&remote, main_branch()));
    for outcome in futures::future::join_all(fetches).await {
        outcome.unwrap();
    }
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1);
}
