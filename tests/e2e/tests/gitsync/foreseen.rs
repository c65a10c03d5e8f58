//! What `slipway diff` and `slipway plan` say is what then happens.

use std::path::Path;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceRepo};

use super::story::Story;

/// The account whose token a caller shows is made by the cluster, a moment after the namespace.
async fn account(story: &Story) {
    let is_there = |found: Option<&ServiceAccount>| found.is_some();
    story.wait(names::PLAN_ACCOUNT, "it is made", is_there).await;
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn a_folder_is_compared_field_by_field_with_file_and_line() {
    let story = Story::begin("folder").await;
    account(&story).await;
    let first = story.commit(&["www", "api", "old"], &[]);
    story.sync(json!({})).await;
    story.until_applied(&first).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for name in ["www", "api", "old"] {
        write(folder.path(), &format!("{name}.yaml"), &story.declared(name));
    }
    let same = story.slipway(0, &["diff", path]).await;
    assert_eq!(same, "GitSync folder/fleet, 3 files: nothing would change, 3 stay as they are\n");

    // Somebody else's field stays, a field that is no longer declared gets its default, and the API server's word counts.
    story.patch::<ServiceRepo>("www", json!({"spec": {"trunk": "stable"}})).await;
    write(folder.path(), "www.yaml", &story.declared("www").replace("  interval: 1h\n", ""));
    write(folder.path(), "eta.yaml", &story.declared("eta"));
    std::fs::remove_file(folder.path().join("old.yaml")).unwrap();
    let changed = story.slipway(1, &["diff", path, "--gitsync", "fleet"]).await;
    let expected = "\
GitSync folder/fleet, 3 files: 3 steps, 1 stays as it is
  + ServiceRepo folder/eta (eta.yaml:1)
  ~ ServiceRepo folder/www (www.yaml:1)
      spec.interval: \"1h\" → \"1m\"
  - ServiceRepo folder/old
";
    assert_eq!(changed, expected);

    write(folder.path(), "bad.yaml", &format!("{}  trunc: main\n", story.declared("bad")));
    write(folder.path(), "eta.yaml", &story.declared("eta").replace("http://", "ftp://"));
    let refused = story.slipway(2, &["diff", path]).await;
    assert!(refused.contains("  ✗ bad.yaml:8:3: unknown field `trunc`"), "{refused}");
    assert!(refused.contains("  ✗ eta.yaml:1: ") && !refused.contains("+ ServiceRepo"), "{refused}");
    assert_eq!(story.services().await, ["api", "old", "www"], "nothing was written");
}

#[tokio::test]
async fn a_commit_is_told_before_it_is_followed_and_nothing_is_left_afterwards() {
    let story = Story::begin("foreseen").await;
    account(&story).await;
    let first = story.commit(&["www", "api"], &[]);
    story.sync(json!({"interval": "1d"})).await;
    story.until_applied(&first).await;
    let second = story.commit(&["eta"], &["api"]);
    let steps = "  + ServiceRepo foreseen/eta (eta.yaml:1)\n  - ServiceRepo foreseen/api\n";
    let head = format!("at {}: 2 steps, 1 stays as it is\n", &second[..8]);
    let told = story.slipway(0, &["plan", "gitsync/fleet"]).await;
    assert_eq!(told, format!("GitSync foreseen/fleet, branch main {head}{steps}"));
    let told = story.slipway(1, &["diff", "--commit", &second[..10]]).await;
    assert_eq!(told, format!("GitSync foreseen/fleet, {} {head}{steps}", &second[..10]));
    let told = story.slipway(1, &["diff", "--commit", "main", "-o", "json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["steps"][0]["act"], "Create");
    assert_eq!(told["unchanged"], json!(["ServiceRepo foreseen/www"]));
    let unknown = story.slipway(2, &["diff", "--commit", "nowhere"]).await;
    assert!(unknown.contains("✗") && unknown.contains("nowhere"), "{unknown}");

    story.annotate(names::REQUESTED_AT, "now").await;
    story.until_applied(&second).await;
    let nothing = story.slipway(0, &["diff", "--commit", "main"]).await;
    assert!(nothing.ends_with(": nothing would change, 2 stay as they are\n"), "{nothing}");
}

#[tokio::test]
async fn a_changed_fleet_says_which_environments_would_change() {
    let story = Story::begin("fleet-plan").await;
    account(&story).await;
    let fleet = |services: &str| {
        format!(
            "apiVersion: slipway.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: fleet}}\nspec: {{registry: 127.0.0.1:1, profiles: [{{name: rider, services: [{services}]}}]}}\n"
        )
    };
    let parsed: Value = serde_yaml::from_str(&fleet("")).unwrap();
    let parsed: Fleet = serde_json::from_value(parsed).unwrap();
    story.api::<Fleet>().create(&PostParams::default(), &parsed).await.unwrap();
    for (name, spec) in [("rides", json!({"profile": "rider"})), ("rests", json!({"services": ["nowhere"]}))]
    {
        let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment", "metadata": {"name": name}, "spec": spec});
        let object: DevEnvironment = serde_json::from_value(object).unwrap();
        story.api::<DevEnvironment>().create(&PostParams::default(), &object).await.unwrap();
        let seen = |found: Option<&DevEnvironment>| found.is_some_and(|found| found.status.is_some());
        story.wait(name, "it is looked at", seen).await;
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "fleet.yaml", &fleet("wwww"));
    let file = folder.path().join("fleet.yaml");
    let told = story.slipway(1, &["plan", file.to_str().unwrap()]).await;
    assert!(
        told.starts_with(
            "Fleet fleet-plan/fleet: 1 step, 1 follows, 1 stays as it is\n  ~ Fleet fleet-plan/fleet\n"
        ),
        "{told}"
    );
    assert!(told.contains("      spec.profiles[rider].services: "), "{told}");
    assert!(told.contains("  rides: ") && told.contains("wwww") && !told.contains("  rests: "), "{told}");
    let nothing = story.slipway(0, &["plan", "fleet/fleet"]).await;
    assert_eq!(nothing, "Fleet fleet-plan/fleet: nothing would change, 2 stay as they are\n");
    for name in ["rides", "rests"] {
        story.api::<DevEnvironment>().delete(name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn who_may_not_act_in_a_namespace_is_told_nothing_about_it() {
    let story = Story::begin("asked").await;
    account(&story).await;
    let other = Story::begin("asking").await;
    account(&other).await;
    assert_eq!(ask(&story, None).await, 401);
    assert_eq!(ask(&story, Some(token(&other, names::PLAN_AUDIENCE).await)).await, 403);
    assert_eq!(ask(&story, Some(token(&story, "another").await)).await, 401);
    assert_eq!(ask(&story, Some(token(&story, names::PLAN_AUDIENCE).await)).await, 200);
}

/// A token of the story's namespace.
async fn token(story: &Story, audience: &str) -> String {
    let spec = TokenRequestSpec { audiences: Some(vec![audience.to_owned()]), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let accounts: Api<ServiceAccount> = story.api();
    let params = PostParams::default();
    let issued = accounts.create_token_request(names::PLAN_ACCOUNT, &params, &request);
    issued.await.unwrap().status.unwrap().token.unwrap()
}

/// Asks what an environment would become, and returns the status of the answer.
async fn ask(story: &Story, token: Option<String>) -> u16 {
    let url = format!("http://{}/v1/plan/{}", story.operator_at, story.namespace);
    let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment", "metadata": {"name": "a"}, "spec": {"services": ["www"]}});
    let body = json!({"object": object}).to_string();
    let send = move || {
        let mut request = ureq::post(url).config().http_status_as_error(false).build();
        request = request.header("Content-Type", "application/json");
        if let Some(token) = token {
            request = request.header(names::PLAN_HEADER, token);
        }
        request.send(&body).unwrap().status().as_u16()
    };
    tokio::task::spawn_blocking(send).await.unwrap()
}
