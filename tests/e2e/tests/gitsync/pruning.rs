use serde_json::json;
use slipway_crds::v1alpha1::GitSync;
use slipway_crds::{conditions, names};
use slipway_demo::{Change, TRUNK};

use super::story::{Story, applied, condition, ready};

#[tokio::test]
async fn a_revision_that_declares_nothing_prunes_nothing() {
    let story = Story::begin("emptied").await;
    let first = story.commit(&["www"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    story.commit(&[], &["www"]);
    let sync = story.until_not_ready("PruneHeld").await;
    assert_eq!(condition(&sync, conditions::STALLED).0, "True");
    assert_eq!(story.services().await, ["www"]);
}

#[tokio::test]
async fn a_mass_prune_waits_for_its_confirmation() {
    let story = Story::begin("mass-prune").await;
    let first = story.commit(&["a", "b", "c", "d", "e", "f"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    let second = story.commit(&[], &["a", "b", "c", "d"]);
    let sync = story.until_not_ready("PruneHeld").await;
    assert!(ready(&sync).2.contains(&format!("{}={second}", names::CONFIRM_PRUNE)), "{:?}", ready(&sync));
    assert_eq!(story.services().await.len(), 6);
    story.annotate(names::CONFIRM_PRUNE, &second).await;
    story.until_applied(&second).await;
    assert_eq!(story.services().await, ["e", "f"]);
}

#[tokio::test]
async fn rewritten_history_is_noticed_and_prunes_only_when_confirmed() {
    let story = Story::begin("rewritten").await;
    story.commit(&["www"], &[]);
    let first = story.commit(&["api"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    let changes: Vec<Change> =
        ["www", "dispatch"].map(|name| Change::write(&format!("{name}.yaml"), story.declared(name))).into();
    let second = story.repository.commit_on(None, TRUNK, "rewritten", &changes).unwrap();
    let sync = story.until_not_ready("PruneHeld").await;
    let (status, reason, message) = condition(&sync, conditions::FETCHED);
    assert_eq!((status, reason), ("True", "HistoryRewritten"));
    assert!(message.contains(&format!("{first} is no longer part of it")), "{message}");
    assert_eq!(applied(&sync), Some(first.as_str()));
    assert_eq!(story.services().await, ["api", "dispatch", "www"]);
    story.annotate(names::CONFIRM_PRUNE, &second).await;
    story.until_applied(&second).await;
    assert_eq!(story.services().await, ["dispatch", "www"]);
}

#[tokio::test]
async fn without_prune_what_left_stays() {
    let story = Story::begin("no-prune").await;
    let first = story.commit(&["www", "api"], &[]);
    story.sync(json!({"prune": false})).await;
    story.until_applied(&first).await;
    let second = story.commit(&[], &["www"]);
    story.until_applied(&second).await;
    assert_eq!(story.services().await, ["api", "www"]);
    story.patch::<GitSync>("fleet", json!({"spec": {"prune": true}})).await;
    let one = |sync: &GitSync| sync.status.as_ref().is_some_and(|status| status.inventory.len() == 1);
    story.until("what left is pruned", one).await;
    assert_eq!(story.services().await, ["api"]);
}
