use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::json;
use slipway_crds::names;
use slipway_crds::v1alpha1::ServiceRepo;

use super::story::Story;

#[tokio::test]
async fn drift_is_corrected_at_once_with_polling_set_to_an_hour() {
    let story = Story::begin("drift").await;
    let commit = story.commit(&["www", "api"], &[]);
    story.sync(json!({"interval": "1h"})).await;
    let sync = story.until_applied(&commit).await;
    let declared = story.api::<ServiceRepo>().get("www").await.unwrap();

    story
        .patch::<ServiceRepo>("www", json!({"spec": {"url": "http://elsewhere/www.git", "trunk": "mine"}}))
        .await;
    let back = declared.spec.url.clone();
    let www = story
        .wait("www", "the url is put back", move |www: Option<&ServiceRepo>| {
            www.is_some_and(|www| www.spec.url == back)
        })
        .await;
    assert_eq!(www.unwrap().spec.trunk, "mine", "an undeclared field is left alone");
    let events = story.api::<Event>().list(&ListParams::default()).await.unwrap();
    let drift = events.iter().find(|event| event.reason.as_deref() == Some("DriftCorrected")).unwrap();
    assert_eq!(
        drift.note.as_deref(),
        Some("ServiceRepo drift/www: spec.url was changed by emma-by-hand; it is put back as declared")
    );
    assert_eq!(drift.regarding.as_ref().unwrap().uid, sync.metadata.uid);

    story.patch::<ServiceRepo>("www", json!({"metadata": {"labels": {names::GITSYNC: null}}})).await;
    let labelled =
        |www: Option<&ServiceRepo>| www.is_some_and(|www| www.labels().contains_key(names::GITSYNC));
    story.wait("www", "the label is put back", labelled).await;

    story.delete::<ServiceRepo>("www").await;
    let old = declared.metadata.uid;
    let new = move |www: Option<&ServiceRepo>| www.is_some_and(|www| www.metadata.uid != old);
    let www = story.wait("www", "it is made again", new).await.unwrap();
    let recorded = story.until("the new one is recorded", |sync| {
        sync.status
            .as_ref()
            .unwrap()
            .inventory
            .iter()
            .any(|entry| Some(&entry.uid) == www.metadata.uid.as_ref())
    });
    assert_eq!(recorded.await.status.unwrap().inventory.len(), 2);
}

#[tokio::test]
async fn a_field_that_leaves_the_file_leaves_the_object() {
    let story = Story::begin("field-left").await;
    let first = story.commit_file("www.yaml", &format!("{}  trunk: develop\n", story.declared("www")));
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    assert_eq!(story.api::<ServiceRepo>().get("www").await.unwrap().spec.trunk, "develop");
    let second = story.commit_file("www.yaml", &story.declared("www"));
    story.until_applied(&second).await;
    assert_eq!(story.api::<ServiceRepo>().get("www").await.unwrap().spec.trunk, "main");
}

#[tokio::test]
async fn what_was_made_before_a_crash_is_recorded_and_then_pruned() {
    let mut story = Story::begin("crash").await;
    let first = story.commit(&["www", "api"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    story.kill_operator();
    let api = story.api::<slipway_crds::v1alpha1::GitSync>();
    let forgotten =
        kube::api::Patch::Merge(json!({"status": {"inventory": [], "lastAppliedRevision": null}}));
    api.patch_status("fleet", &kube::api::PatchParams::default(), &forgotten).await.unwrap();
    let second = story.commit(&[], &["www"]);
    story.start_operator();
    let one = |sync: &slipway_crds::v1alpha1::GitSync| {
        let status = sync.status.as_ref().unwrap();
        status.last_applied_revision.as_deref() == Some(&second) && status.inventory.len() == 1
    };
    story.until("only api is recorded", one).await;
    assert_eq!(story.services().await, ["api"]);
}
