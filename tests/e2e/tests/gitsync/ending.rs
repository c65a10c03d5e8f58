use kube::api::PostParams;
use serde_json::json;
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};

use super::story::Story;

fn is_gone(sync: Option<&GitSync>) -> bool {
    sync.is_none()
}

#[tokio::test]
async fn a_deleted_sync_takes_along_what_it_made_also_when_the_git_server_is_gone() {
    let mut story = Story::begin("ending").await;
    let commit = story.commit(&["www", "api"], &[]);
    let other = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceRepo", "metadata": {"name": "theirs"}, "spec": {"url": "http://theirs/x.git", "interval": "1h"}});
    let other: ServiceRepo = serde_json::from_value(other).unwrap();
    story.api::<ServiceRepo>().create(&PostParams::default(), &other).await.unwrap();
    story.sync(json!({})).await;
    story.until_applied(&commit).await;
    story.server = None;
    story.delete::<GitSync>("fleet").await;
    story.wait("fleet", "the sync is gone", is_gone).await;
    assert_eq!(story.services().await, ["theirs"]);
}

#[tokio::test]
async fn a_sync_deleted_while_the_operator_was_down_takes_along_what_it_made() {
    let mut story = Story::begin("ending-down").await;
    let commit = story.commit(&["www"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&commit).await;
    story.kill_operator();
    story.delete::<GitSync>("fleet").await;
    story.start_operator();
    story.wait("fleet", "the sync is gone", is_gone).await;
    assert_eq!(story.services().await, Vec::<String>::new());
}

#[tokio::test]
async fn without_prune_a_deleted_sync_leaves_everything() {
    let story = Story::begin("ending-keep").await;
    let commit = story.commit(&["www"], &[]);
    story.sync(json!({"prune": false})).await;
    story.until_applied(&commit).await;
    story.delete::<GitSync>("fleet").await;
    story.wait("fleet", "the sync is gone", is_gone).await;
    assert_eq!(story.services().await, ["www"]);
}
