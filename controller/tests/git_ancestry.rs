//! How far commits are from each other in a mirror, over real HTTP.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

mod support;

use slipway_controller::git::{Git, Limits, Remote};
use support::git_server::GitServer;

#[tokio::test]
async fn the_nearest_ancestor_is_known_by_its_steps_and_others_are_none() {
    let server = GitServer::start().await;
    let repository = server.repository("www.git");
    let folder = tempfile::tempdir().unwrap();
    let git = Git::new(folder.path(), Limits::default()).unwrap();
    let remote = Remote::public(&server.url("www.git")).unwrap();
    let first = repository.commit("main", &[("a", "1")]);
    repository.point("side", &first);
    let aside = repository.commit("side", &[("b", "1")]);
    let second = repository.commit("main", &[("a", "2")]);
    let third = repository.commit("main", &[("a", "3")]);
    git.update(&remote).await.unwrap();
    let sought = [first.clone(), second.clone(), third.clone(), aside].into();
    let found = git.distances(&remote, &third, sought).await.unwrap();
    assert_eq!(found, [(first, 2), (second, 1), (third.clone(), 0)].into());
    assert!(git.committed_at(&remote, &third).await.unwrap() > 0);
}
