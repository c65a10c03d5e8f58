//! What was pushed is applied at once when the git server says so, and versions are followed.

use aws_lc_rs::hmac;
use serde_json::json;
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};

use super::story::{Story, condition, ready};

const BODY: &str = "{\"ref\": \"refs/heads/main\"}";

/// Says to the operator that something was pushed, and returns the status of the answer.
pub async fn say(story: &Story, path: &str, secret: &str) -> u16 {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), BODY.as_bytes());
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let url = format!("http://{}/hooks/{path}", story.operator_at);
    let send = move || {
        let request = ureq::post(url).config().http_status_as_error(false).build();
        let request = request.header("X-Hub-Signature-256", format!("sha256={digits}"));
        request.send(BODY).unwrap().status().as_u16()
    };
    tokio::task::spawn_blocking(send).await.unwrap()
}

#[tokio::test]
async fn a_signed_message_is_enough_and_nothing_is_written_for_it() {
    let story = Story::begin("pushed").await;
    story.secret("hook", json!({"token": "hunter2"})).await;
    let first = story.commit(&["www"], &[]);
    story.sync(json!({"interval": "1d", "webhook": {"secret": "hook"}})).await;
    let before = story.until_applied(&first).await;
    assert_eq!(say(&story, "pushed/gitsync/fleet", "hunter2").await, 202);
    assert_eq!(say(&story, "pushed/gitsync/fleet", "wrong").await, 401);
    assert_eq!(say(&story, "pushed/servicerepo/www", "hunter2").await, 404);

    let second = story.commit(&["www", "api"], &[]);
    assert_eq!(say(&story, "pushed/gitsync/fleet", "hunter2").await, 202);
    let after = story.until_applied(&second).await;
    assert_eq!(story.services().await, ["api", "www"]);
    assert_eq!(after.metadata.annotations, before.metadata.annotations);
    assert_eq!(after.metadata.generation, before.metadata.generation);
}

#[tokio::test]
async fn a_service_repository_looks_when_something_was_pushed_to_it() {
    let story = Story::begin("pushed-repo").await;
    story.secret("hook", json!({"token": "hunter2"})).await;
    let first = story.commit(&["a"], &[]);
    let spec = json!({"url": story.server.as_ref().unwrap().url("fleet"), "interval": "1d", "webhook": {"secret": "hook"}});
    story.make_repo("www", spec).await;
    story.until_trunk("www", &first).await;
    let second = story.commit(&["b"], &[]);
    assert_eq!(say(&story, "pushed-repo/servicerepo/www", "hunter2").await, 202);
    story.until_trunk("www", &second).await;
}

#[tokio::test]
async fn the_newest_version_of_a_range_is_followed() {
    let story = Story::begin("versions").await;
    let old = story.commit(&["a"], &[]);
    story.repository.tag("v1.2.0", &old).unwrap();
    let beyond = story.commit(&["b"], &[]);
    story.repository.tag("v2.0.0", &beyond).unwrap();
    story.sync(json!({"reference": {"semver": ">=1.2 <2"}})).await;
    let sync = story.until_applied(&old).await;
    assert!(ready(&sync).2.contains("the newest version of >=1.2 <2"), "{}", ready(&sync).2);
    let new = story.commit(&["a", "c"], &["b"]);
    story.repository.tag("v1.10.0", &new).unwrap();
    let sync = story.until_applied(&new).await;
    assert_eq!(condition(&sync, "Fetched").1, "Fetched");

    story.patch::<GitSync>("fleet", json!({"spec": {"reference": {"semver": ">=3"}}})).await;
    story.until_not_ready("ReferenceNotFound").await;
    story.patch::<GitSync>("fleet", json!({"spec": {"reference": {"semver": "newest"}}})).await;
    let sync = story.until_not_ready("InvalidSpec").await;
    assert!(ready(&sync).2.starts_with("`newest` is no range of versions: "), "{}", ready(&sync).2);
    assert_eq!(story.services().await, ["a", "c"]);
    assert!(story.api::<ServiceRepo>().get("a").await.unwrap().metadata.deletion_timestamp.is_none());
}
