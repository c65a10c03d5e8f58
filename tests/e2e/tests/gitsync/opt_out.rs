//! Objects that ask to be left alone, and the history of what was applied.

use serde_json::json;
use slipway_crds::v1alpha1::{GitSync, OptOut, ServiceRepo};

use super::story::{Story, ready};

#[tokio::test]
async fn what_opts_out_is_left_alone_and_shown() {
    let story = Story::begin("opt-out").await;
    let first = story.commit(&["a", "b", "c"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    story
        .patch::<ServiceRepo>("a", json!({"metadata": {"annotations": {"slipway.dev/prune": "disabled"}}}))
        .await;
    let mine = json!({"metadata": {"annotations": {"slipway.dev/reconcile": "disabled"}}, "spec": {"interval": "7h"}});
    story.patch::<ServiceRepo>("b", mine).await;
    let shown = |sync: &GitSync| {
        let inventory = sync.status.as_ref().map(|status| status.inventory.as_slice()).unwrap_or_default();
        let opted: Vec<_> = inventory.iter().map(|entry| entry.opted_out).collect();
        opted == [Some(OptOut::Prune), Some(OptOut::Reconcile), None]
    };
    let sync = story.until("both are shown", shown).await;
    assert!(
        ready(&sync).2.contains("but for 1 that slipway.dev/reconcile: disabled leaves alone"),
        "{}",
        ready(&sync).2
    );
    let second = story.commit(&["c", "d"], &["a", "b"]);
    story.until_applied(&second).await;
    assert_eq!(story.services().await, ["a", "b", "c", "d"]);
    let kept = story.api::<ServiceRepo>().get("b").await.unwrap();
    assert_eq!(kept.spec.interval, "7h");
}

#[tokio::test]
async fn the_history_has_each_revision_once_however_often_it_is_looked_at() {
    let story = Story::begin("history").await;
    let first = story.commit(&["a", "b"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    for turn in ["one", "two", "three"] {
        story.annotate("slipway.dev/requestedAt", turn).await;
        story
            .until("it was looked at", |sync| {
                sync.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref())
                    == Some(turn)
            })
            .await;
    }
    let second = story.commit(&["a"], &["b"]);
    let sync = story.until_applied(&second).await;
    let history = sync.status.unwrap().history;
    let told: Vec<_> = history
        .iter()
        .map(|entry| (entry.revision.as_str(), entry.outcome.as_str(), entry.declared))
        .collect();
    assert_eq!(told, [(second.as_str(), "Applied", 1), (first.as_str(), "Applied", 2)]);
}
