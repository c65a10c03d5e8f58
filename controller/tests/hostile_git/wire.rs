//! Bad lines, bad servers, and what becomes of the mirror.

use std::time::Duration;

use slipway_controller::git::{GitError, Limits, Want};
use slipway_plan::commit::CommitId;

use super::support::git_server::Behaviour;
use super::support::tamper::Tamper;
use super::{MAIN, World, files_below, limits, noise, one};

#[tokio::test]
async fn a_pack_that_is_cut_anywhere_changes_nothing_and_leaves_nothing() {
    let world = World::new().await;
    let before = world.repository.commit("main", &[("a.yaml", "1")]);
    world.fetch().await.unwrap();
    let noise = noise();
    let after = world.repository.commit("main", &[("a.yaml", "2"), ("noise", &noise)]);
    for at in [0, 1, 100, 200, 300, 400, 500, 600, 700, 800, 900, 990] {
        world.tamper(Tamper::Cut(at));
        let error = world.fetch().await.unwrap_err();
        assert!(!error.needs_a_person(), "cut at {at}: {error}");
        assert!(!world.has(&after).await, "cut at {at}");
    }
    assert_eq!(world.read(&before).await.unwrap(), one("a.yaml", "1"));
    world.server.behave(Behaviour::default());
    world.fetch().await.unwrap();
    assert_eq!(world.read(&after).await.unwrap(), one("a.yaml", "2"));
    let mut left = Vec::new();
    files_below(world.cache.path(), &mut left);
    assert!(!left.iter().any(|path| path.contains("pack_git2_") || path.contains(".lock")), "{left:?}");
}

#[tokio::test]
async fn a_pack_with_a_flipped_bit_is_never_read_as_something_else() {
    let world = World::new().await;
    let noise = noise();
    let commit = world.repository.commit("main", &[("a.yaml", &noise)]);
    let mut refused = 0;
    for at in (5..1000).step_by(71) {
        world.tamper(Tamper::Flip(at));
        match world.fetch().await {
            Err(error) => {
                refused += 1;
                assert!(!world.has(&commit).await, "flipped at {at}: {error}");
            }
            // The bit was in what the server says to people.
            Ok(()) => {
                assert_eq!(world.read(&commit).await.unwrap(), one("a.yaml", &noise), "flipped at {at}");
            }
        }
    }
    assert!(refused > 5, "{refused} refused");
}

#[tokio::test]
async fn a_commit_of_another_name_than_announced_is_not_taken() {
    let world = World::new().await;
    let commit = world.repository.commit("main", &[("a.yaml", "1")]);
    let said: CommitId = "1234567890".repeat(4).parse().unwrap();
    world.tamper(Tamper::Lie(commit.to_string(), said.to_string()));
    assert_eq!(world.git.refs(&world.remote).await.unwrap().branch("main"), Some(&said));
    world.fetch().await.unwrap_err();
    assert!(!world.has(&said).await);
}

#[tokio::test]
async fn a_list_of_references_without_end_is_ended() {
    let world = World::with(Limits { list_bytes: 500_000, ..limits() }).await;
    world.repository.commit("main", &[("a.yaml", "1")]);
    world.tamper(Tamper::EndlessReferences);
    for error in [world.git.refs(&world.remote).await.unwrap_err(), world.fetch().await.unwrap_err()] {
        assert_eq!(
            error.to_string(),
            format!(
                "the list of branches and tags of {} exceeds the limit of 500000 bytes",
                world.remote.url
            )
        );
    }
}

#[tokio::test]
async fn a_server_that_crawls_is_given_up() {
    let soon = Duration::from_millis(300);
    let world = World::with(Limits { list_time: soon, fetch_time: soon * 2, ..limits() }).await;
    world.repository.commit("main", &[("a.yaml", "1")]);
    world.tamper(Tamper::SlowReferences);
    let error = world.git.refs(&world.remote).await.unwrap_err();
    assert!(matches!(error, GitError::TimedOut { after, .. } if after == soon), "{error}");
    world.tamper(Tamper::SlowPack);
    let error = world.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::TimedOut { after, .. } if after == soon * 2), "{error}");
    world.server.behave(Behaviour::default());
    world.fetch().await.unwrap();
}

#[tokio::test]
async fn what_is_no_git_server_is_told_so() {
    let world = World::new().await;
    world.repository.commit("main", &[("a.yaml", "1")]);
    for tamper in [
        Tamper::ContentType("text/html"),
        Tamper::ContentType("text/plain"),
        Tamper::Text(""),
        Tamper::Text("<html>"),
        Tamper::Text("0"),
        Tamper::Text("ffff"),
        Tamper::Text("0004"),
        Tamper::Text("001e# service=git-upload-pack\n0000"),
        Tamper::Text("001e# service=git-upload-pack\n0000000cERR no\0"),
        Tamper::Text("001e# service=git-upload-pack\n00000032ffff"),
    ] {
        let told = format!("{tamper:?}");
        world.tamper(tamper);
        let error = world.git.refs(&world.remote).await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }), "{told}: {error}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let world = World::new().await;
    world.repository.commit("main", &[("a.yaml", "1")]);
    for target in
        ["file:///etc", "ssh://-oProxyCommand=x", "http://169.254.169.254", "ext::sh", "http://127.0.0.1:1"]
    {
        world.server.behave(Behaviour { redirect: Some(target.to_owned()), ..Behaviour::default() });
        let error = world.git.refs(&world.remote).await.unwrap_err();
        assert!(matches!(error, GitError::UrlRefused { .. }), "{target}: {error}");
    }
}

#[tokio::test]
async fn a_force_push_to_an_older_or_an_unrelated_commit_is_followed_and_told() {
    let world = World::new().await;
    let first = world.repository.commit("main", &[("a.yaml", "1")]);
    let second = world.repository.commit("main", &[("a.yaml", "2")]);
    world.git.fetch(&world.remote, Want::History(MAIN.to_owned())).await.unwrap();
    world.repository.point("main", &first);
    world.fetch().await.unwrap();
    assert!(!world.git.is_ancestor(&world.remote, &second, &first).await.unwrap());
    let unrelated = world.repository.rewrite("main", &[("a.yaml", "3")]);
    world.fetch().await.unwrap();
    assert!(!world.git.is_ancestor(&world.remote, &first, &unrelated).await.unwrap());
    assert_eq!(world.read(&unrelated).await.unwrap(), one("a.yaml", "3"));
    assert_eq!(world.read(&second).await.unwrap(), one("a.yaml", "2"));
}

#[tokio::test]
async fn twenty_thousand_branches_are_listed() {
    let world = World::new().await;
    let commit = world.repository.commit("main", &[("a.yaml", "1")]);
    let lines = (0..20_000).map(|n| format!("{commit} refs/heads/topic-{n:05}\n"));
    let packed: String = std::iter::once("# pack-refs with: sorted\n".to_owned()).chain(lines).collect();
    std::fs::write(world.repository.path().join("packed-refs"), packed).unwrap();
    let refs = world.git.refs(&world.remote).await.unwrap();
    assert_eq!(refs.branch("topic-19999"), Some(&commit));
    world.fetch().await.unwrap();
    assert!(world.has(&commit).await);
}

#[tokio::test]
async fn a_mirror_with_a_damaged_pack_is_dropped_and_fetched_anew() {
    let world = World::new().await;
    let noise = noise();
    let commit = world.repository.commit("main", &[("a.yaml", &noise)]);
    world.fetch().await.unwrap();
    let mut files = Vec::new();
    files_below(world.cache.path(), &mut files);
    let pack = files.iter().find(|path| path.contains(".pack")).unwrap();
    let mut bytes = std::fs::read(pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    std::fs::remove_file(pack).unwrap();
    std::fs::write(pack, bytes).unwrap();
    let error = world.read(&commit).await.unwrap_err();
    assert!(!error.needs_a_person(), "{error}");
    assert!(!world.has(&commit).await);
    world.fetch().await.unwrap();
    assert_eq!(world.read(&commit).await.unwrap(), one("a.yaml", &noise));
}
