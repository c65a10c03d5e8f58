use serde_json::json;
use slipway_crds::conditions;
use slipway_demo::{Change, TRUNK};

use super::story::{Story, applied, condition, ready};

#[tokio::test]
async fn a_branch_that_is_gone_is_named_and_everything_stays() {
    let story = Story::begin("branch-gone").await;
    let commit = story.commit(&["www"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&commit).await;
    story.repository.delete_branch(TRUNK).unwrap();
    story.repository.commit("other", "other", &[Change::write("README.md", "hello")]).unwrap();
    let sync = story.until_not_ready("ReferenceNotFound").await;
    let (_, _, message) = ready(&sync);
    assert!(message.contains("has no branch main: push it, or name another"), "{message}");
    assert!(message.ends_with(&format!("commit {} stays applied", &commit[..8])), "{message}");
    assert_eq!(condition(&sync, conditions::STALLED).0, "True");
    assert_eq!(condition(&sync, conditions::FETCHED).0, "False");
    assert_eq!(story.services().await, ["www"]);

    let again = story.commit(&["www", "api"], &[]);
    let sync = story
        .until("the branch is back", |sync| ready(sync).0 == "True" || ready(sync).1 == "PruneHeld")
        .await;
    assert_eq!(
        (applied(&sync), story.services().await),
        (Some(again.as_str()), vec!["api".to_owned(), "www".to_owned()])
    );
}

#[tokio::test]
async fn revoked_credentials_are_told_apart_and_everything_stays() {
    let story = Story::begin("revoked").await;
    let server = story.server.as_ref().unwrap();
    server.protect("fleet", "emma", "hunter2").unwrap();
    story.password("hunter2").await;
    let first = story.commit(&["www"], &[]);
    story.sync(json!({"credentials": {"secret": "git"}})).await;
    story.until_applied(&first).await;

    server.protect("fleet", "emma", "another").unwrap();
    let sync = story.until_not_ready("AuthenticationFailed").await;
    let (_, _, message) = ready(&sync);
    assert!(message.contains("the credentials in Secret revoked/git are not valid"), "{message}");
    assert!(!serde_json::to_string(&sync).unwrap().contains("hunter2"));
    assert_eq!(story.services().await, ["www"]);

    story.password("another").await;
    let second = story.commit(&["api"], &[]);
    story.until_applied(&second).await;
}

#[tokio::test]
async fn an_empty_repository_is_named_and_the_first_commit_is_applied() {
    let story = Story::begin("empty").await;
    story.sync(json!({})).await;
    let sync = story.until_not_ready("RepositoryEmpty").await;
    assert!(ready(&sync).2.ends_with("is empty: push a commit to it"), "{:?}", ready(&sync));
    let commit = story.commit(&["www"], &[]);
    story.until_applied(&commit).await;
}

#[tokio::test]
async fn a_path_that_is_missing_is_named() {
    let story = Story::begin("path").await;
    let commit = story.commit(&["www"], &[]);
    story.sync(json!({"path": "nowhere"})).await;
    let sync = story.until_not_ready("PathNotFound").await;
    assert!(
        ready(&sync).2.ends_with(&format!("has no folder `nowhere` at commit {commit}")),
        "{:?}",
        ready(&sync)
    );
}

#[tokio::test]
async fn a_file_with_a_mistake_names_it_and_the_other_files_are_applied() {
    let story = Story::begin("mistakes").await;
    let first = story.commit(&["www", "api"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    let www = story.declared("www");
    let mistakes = [
        ("broken", format!("{www}  trunk: [main\n"), "www.yaml:8:"),
        (
            "unknown",
            format!("{www}  trunc: main\n"),
            "www.yaml:8:3: unknown field `trunc`, expected one of url, trunk, ",
        ),
        ("twice", format!("{www}  url: http://other/www.git\n"), "www.yaml:8:3: duplicate key `url`"),
        (
            "foreign",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n".to_owned(),
            "www.yaml:1:1: Pod of v1 is not allowed",
        ),
    ];
    for (name, text, expected) in mistakes {
        story.commit_file("www.yaml", &text);
        story.commit(&[name], &[]);
        let told = |sync: &_| ready(sync).0 == "False" && ready(sync).2.contains(expected);
        let sync = story.until(&format!("{expected} is told"), told).await;
        assert_eq!(condition(&sync, conditions::STALLED).0, "True");
        assert_eq!(applied(&sync), Some(first.as_str()));
        let services = story.services().await;
        assert!(services.contains(&name.to_owned()) && services.contains(&"www".to_owned()), "{services:?}");
    }
    let last = story.commit_file("www.yaml", &www);
    story.until_applied(&last).await;
}

#[tokio::test]
async fn what_the_api_server_refuses_is_told_in_its_words() {
    let story = Story::begin("refused").await;
    let bad = story.declared("www").replace("interval: 1h", "interval: soon");
    story.commit_file("www.yaml", &bad);
    story.commit(&["api"], &[]);
    story.sync(json!({})).await;
    let sync = story.until_not_ready("ApplyFailed").await;
    assert!(
        ready(&sync).2.contains("ServiceRepo refused/www") && ready(&sync).2.contains("spec.interval"),
        "{:?}",
        ready(&sync)
    );
    assert_eq!(story.services().await, ["api"]);
}
