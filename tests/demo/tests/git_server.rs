//! The git server, used by git itself.
#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use slipway_demo::{Change, GitServer, TRUNK};
use tempfile::TempDir;
use tokio::process::Command;

async fn git(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Emma", "-c", "user.email=emma@slipway.test"]).args(arguments);
    command.current_dir(directory).env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.output().await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_repository_is_cloned_changed_and_pushed() {
    let (folder, work) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = GitServer::start(folder.path()).await.unwrap();
    let repository = server.create("www").unwrap();
    let first = repository.commit(TRUNK, "first", &[Change::write("lib/a", "1\n")]).unwrap();

    assert!(git(work.path(), &["clone", &server.url("www"), "www"]).await.status.success());
    let clone = work.path().join("www");
    assert_eq!(std::fs::read_to_string(clone.join("lib/a")).unwrap(), "1\n");
    std::fs::write(clone.join("lib/a"), "2\n").unwrap();
    git(&clone, &["commit", "-a", "-m", "second"]).await;
    let pushed = git(&clone, &["push", "origin", TRUNK]).await;
    assert!(pushed.status.success(), "{}", said(&pushed));
    assert_ne!(repository.head(TRUNK).unwrap(), Some(first));
}

#[tokio::test]
async fn a_commit_can_be_fetched_shallow_and_by_its_id() {
    let (folder, work) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = GitServer::start(folder.path()).await.unwrap();
    let repository = server.create("www").unwrap();
    let first = repository.commit(TRUNK, "first", &[Change::write("a", "1")]).unwrap();
    repository.commit(TRUNK, "second", &[Change::write("a", "2")]).unwrap();
    git(work.path(), &["init", "."]).await;
    let fetched = git(work.path(), &["fetch", "--depth=1", &server.url("www"), &first]).await;
    assert!(fetched.status.success(), "{}", said(&fetched));
}

#[tokio::test]
async fn a_private_repository_wants_the_right_password_until_it_is_opened() {
    let folder = TempDir::new().unwrap();
    let server = GitServer::start(folder.path()).await.unwrap();
    server.create("www").unwrap().commit(TRUNK, "first", &[Change::write("a", "1")]).unwrap();
    server.protect("www", "emma", "right").unwrap();
    let url = |user: &str| server.url("www").replace("http://", &format!("http://{user}@"));

    assert!(!git(folder.path(), &["ls-remote", &server.url("www")]).await.status.success());
    assert!(!git(folder.path(), &["ls-remote", &url("emma:wrong")]).await.status.success());
    assert!(git(folder.path(), &["ls-remote", &url("emma:right")]).await.status.success());
    server.open_to_all("www").unwrap();
    assert!(git(folder.path(), &["ls-remote", &server.url("www")]).await.status.success());
}

#[tokio::test]
async fn what_the_hook_says_reaches_whoever_pushes() {
    let (folder, work) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = GitServer::start(folder.path()).await.unwrap();
    let hook = server.create("www").unwrap().path().join("hooks/post-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho building an image\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    git(work.path(), &["init", "-b", TRUNK, "."]).await;
    git(work.path(), &["commit", "--allow-empty", "-m", "first"]).await;
    let pushed = git(work.path(), &["push", &server.url("www"), TRUNK]).await;
    assert!(said(&pushed).contains("remote: building an image"), "{}", said(&pushed));
}

#[tokio::test]
async fn the_same_files_have_the_same_commit_in_every_repository() {
    let folder = TempDir::new().unwrap();
    let server = GitServer::start(folder.path()).await.unwrap();
    let files = [Change::write("a", "1"), Change::write("b/c", "2")];
    let commit = |name: &str| server.create(name).unwrap().commit(TRUNK, "first", &files).unwrap();
    assert_eq!(commit("one"), commit("other"));
}

#[tokio::test]
async fn a_name_that_leaves_the_directory_has_no_repository() {
    let folder = TempDir::new().unwrap();
    let server = GitServer::start(folder.path()).await.unwrap();
    for name in ["../secret", "..", "none"] {
        let listed = git(folder.path(), &["ls-remote", &server.url(name)]).await;
        assert!(!listed.status.success(), "{name}: {}", said(&listed));
    }
}
