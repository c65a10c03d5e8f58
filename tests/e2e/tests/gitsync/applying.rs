use serde_json::json;
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};
use slipway_crds::{conditions, names};
use slipway_demo::{Change, TRUNK};

use super::story::{Story, applied, condition, ready};

#[tokio::test]
async fn a_commit_becomes_objects_and_a_removed_file_removes_them() {
    let story = Story::begin("commit").await;
    let first = story.commit(&["www", "api"], &[]);
    story.sync(json!({})).await;
    let sync = story.until_applied(&first).await;
    assert_eq!(story.services().await, ["api", "www"]);
    assert_eq!(ready(&sync).2, format!("2 objects are as declared in branch main at {}", &first[..8]));
    let www = story.api::<ServiceRepo>().get("www").await.unwrap();
    assert_eq!(www.metadata.labels.as_ref().unwrap()[names::OWNER_UID], sync.metadata.uid.unwrap());

    let second = story.commit(&["dispatch"], &["www"]);
    let sync = story.until_applied(&second).await;
    assert_eq!(story.services().await, ["api", "dispatch"]);
    assert!(sync.status.unwrap().conditions.iter().all(|c| c.type_ != "Reconciling" && c.type_ != "Stalled"));
}

#[tokio::test]
async fn a_tag_a_commit_and_a_path_are_followed_as_well() {
    let story = Story::begin("reference").await;
    let url = story.server.as_ref().unwrap().url("fleet");
    let file = |path: &str, name| Change::write(path, super::repository::text(name, &url));
    let first = story
        .repository
        .commit(TRUNK, "one", &[file("prod/a.yaml", "a"), file("other/b.yaml", "b")])
        .unwrap();
    story.repository.tag("v1", &first).unwrap();
    let second = story.repository.commit(TRUNK, "two", &[file("prod/c.yaml", "c")]).unwrap();
    story.commit(&["d"], &[]);
    story.sync(json!({"path": "prod", "reference": {"tag": "v1"}})).await;
    story.until_applied(&first).await;
    assert_eq!(story.services().await, ["a"]);
    story.patch::<GitSync>("fleet", json!({"spec": {"reference": {"tag": null, "commit": second}}})).await;
    story.until_applied(&second).await;
    assert_eq!(story.services().await, ["a", "c"]);
}

#[tokio::test]
async fn a_request_is_answered_long_before_the_interval() {
    let story = Story::begin("request").await;
    let first = story.commit(&["www"], &[]);
    story.sync(json!({"interval": "1h"})).await;
    story.until_applied(&first).await;
    let second = story.commit(&["api"], &[]);
    story.annotate(names::REQUESTED_AT, "2027-01-15T08:00:00Z").await;
    let sync = story.until_applied(&second).await;
    assert_eq!(sync.status.unwrap().last_handled_reconcile_at.as_deref(), Some("2027-01-15T08:00:00Z"));
}

#[tokio::test]
async fn nothing_is_applied_while_it_is_suspended() {
    let story = Story::begin("suspended").await;
    let first = story.commit(&["www"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    story
        .patch::<GitSync>("fleet", json!({"spec": {"suspend": {"reason": "incident 42", "by": "emma"}}}))
        .await;
    let sync =
        story.until("it is suspended", |sync| condition(sync, conditions::SUSPENDED).0 == "True").await;
    assert_eq!(
        condition(&sync, conditions::SUSPENDED).2,
        "suspended by emma: incident 42; remove `suspend` to go on"
    );
    let second = story.commit(&["api"], &[]);
    story.annotate(names::REQUESTED_AT, "now").await;
    let answered = |sync: &GitSync| sync.status.as_ref().unwrap().last_handled_reconcile_at.is_some();
    let sync = story.until("the request is answered", answered).await;
    assert_eq!((applied(&sync), story.services().await), (Some(first.as_str()), vec!["www".to_owned()]));
    story.patch::<GitSync>("fleet", json!({"spec": {"suspend": null}})).await;
    story.until_applied(&second).await;
}

#[tokio::test]
async fn an_object_of_somebody_else_is_a_conflict_and_is_left_alone() {
    let story = Story::begin("conflict").await;
    let theirs = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceRepo", "metadata": {"name": "www"}, "spec": {"url": "http://theirs/www.git", "interval": "1h"}});
    let theirs: ServiceRepo = serde_json::from_value(theirs).unwrap();
    let made = story.api::<ServiceRepo>().create(&kube::api::PostParams::default(), &theirs).await.unwrap();
    let commit = story.commit(&["www", "api"], &[]);
    story.sync(json!({"interval": "1h"})).await;
    let sync = story.until_not_ready("Conflict").await;
    assert_eq!(condition(&sync, conditions::CONFLICT).0, "True");
    assert_eq!(story.services().await, ["api", "www"]);
    let left = story.api::<ServiceRepo>().get("www").await.unwrap();
    assert_eq!((left.metadata.uid, left.spec.url), (made.metadata.uid, "http://theirs/www.git".to_owned()));

    story.delete::<ServiceRepo>("www").await;
    let sync = story.until_applied(&commit).await;
    assert_eq!(condition(&sync, conditions::CONFLICT).0, "");
}
