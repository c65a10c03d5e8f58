//! `why`, `restart`, `doctor`, `list --watch`, and how words go on.

use super::*;

fn www(ready: bool) -> Value {
    json!([{"service": "www", "commit": COMMIT, "why": "branch fix", "image": "r/www@sha256:01", "ready": ready}])
}

#[tokio::test]
async fn a_restart_is_asked_of_an_environment_from_git_too_and_waited_for() {
    let fleet = Fleet::new("restart").await;
    fleet.apply_from_git("demo", json!({"services": ["www"]})).await;
    let before = fleet.get("demo").await;
    let ready = json!([condition("Ready", "True", "every service is ready")]);
    fleet.answer(&before, json!({"lock": www(true), "conditions": ready})).await;
    let unknown = fleet.run(&["restart", "api", "-e", "demo"]).await.with(64);
    assert!(unknown.stderr.contains("demo does not run api; it runs: www\n  add it:"), "{}", unknown.stderr);

    let restart = fleet.begin(&["restart", "www", "-e", "demo"]);
    let asked = fleet.until("demo", is_asked).await;
    assert!(asked.annotations().contains_key("slipway.dev/restarted-at.www"));
    assert_eq!((&asked.spec, asked.metadata.generation), (&before.spec, before.metadata.generation));
    let starting = json!([condition("Ready", "False", "www is starting")]);
    fleet.answer(&asked, json!({"lock": www(false), "conditions": starting})).await;
    fleet.answer(&asked, json!({"lock": www(true), "conditions": ready})).await;
    let ended = Ended::wait(restart).await.with(0);
    assert_eq!(ended.stdout, "✓ www of demo restarted\n");
}

#[tokio::test]
async fn why_answers_in_the_words_of_the_status() {
    let fleet = Fleet::new("why").await;
    fleet.run(&["start", "www", "--detach"]).await.with(0);
    let made = fleet.get("dev-emma").await;
    let wait = json!([{"what": "service www", "reason": "ImageNotFound", "message": "image r/www:3f2c does not exist yet",
        "since": "2026-11-22T10:00:00Z", "until": "2026-11-22T18:00:00Z", "overrideBy": "whoever may push to the registry"}]);
    let starting = json!([condition("Ready", "False", "image missing")]);
    fleet.answer(&made, json!({"lock": www(false), "blockedBy": wait, "conditions": starting})).await;
    let told = fleet.run(&["why", "www"]).await.with(0).stdout;
    assert!(told.starts_with("www in dev-emma (Starting) waits\n"), "{told}");
    assert!(told.contains(&format!("{COMMIT}: branch fix\n")), "{told}");
    assert!(
        told.contains("until 2026-11-22T18:00:00Z, whoever may push to the registry may override it)"),
        "{told}"
    );
    let printed = fleet.run(&["why", "www", "-o", "json"]).await.with(0).stdout;
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["blockedBy"], wait);
    fleet.run(&["why", "api"]).await.with(64);
}

#[tokio::test]
async fn doctor_says_what_is_in_the_way_and_how_to_mend_it() {
    let fleet = Fleet::new("doctor").await;
    let printed = fleet.run(&["doctor", "-o", "json"]).await.with(1).stdout;
    let checks: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let found = |subject: &str| checks.iter().find(|check| check["subject"] == subject).unwrap();
    for well in ["cluster", "clock", "kinds", "rights"] {
        assert_eq!(found(well)["verdict"], "ok", "{printed}");
    }
    for (missing, cure) in [("operator", "install.yaml"), ("fleet", "--namespace"), ("git", "ServiceRepo")] {
        assert_eq!(found(missing)["verdict"], "failed", "{printed}");
        let told = format!("{} {}", found(missing)["message"], found(missing)["cure"]);
        assert!(told.contains(cure), "{told}");
    }
    let text = fleet.run(&["doctor"]).await.with(1).stdout;
    assert!(text.contains("✓ kinds ") && text.contains("✗ operator "), "{text}");
}

#[tokio::test]
async fn doctor_tells_a_stranger_which_rights_are_missing() {
    let fleet = Fleet::new("stranger").await;
    let kubeconfig = cluster().await.kubeconfig_for("tester", None).unwrap();
    let output = fleet.command(&["doctor"]).env("KUBECONFIG", kubeconfig).output().await.unwrap();
    let told = Ended::of(output).with(1).stdout;
    assert!(told.contains("✗ rights    you may not list devenvironments in namespace stranger"), "{told}");
    assert!(
        told.contains("! rights    you may not get pods/log in the namespaces of environments"),
        "{told}"
    );
    assert!(told.contains("✓ kinds     they are installed"), "{told}");
}

#[tokio::test]
async fn a_watched_list_is_shown_again_when_it_changes() {
    let fleet = Fleet::new("watched").await;
    fleet.run(&["start", "www", "--env", "first", "--detach"]).await.with(0);
    let mut list = fleet.begin(&["list", "--watch"]);
    let mut lines = BufReader::new(list.stdout.take().unwrap()).lines();
    let mut shown = async |text: &str| {
        let found = async { while !lines.next_line().await.unwrap().unwrap().starts_with(text) {} };
        tokio::time::timeout(LIMIT, found).await.unwrap();
    };
    shown("first").await;
    fleet.run(&["start", "www", "--env", "second", "--detach"]).await.with(0);
    shown("second").await;
    list.kill().await.unwrap();
}

/// What a shell is told when it asks how the last word goes on.
async fn offered(fleet: &Fleet, words: &[&str]) -> Vec<String> {
    let mut command = fleet.command(&[&["--", "slipway"], words].concat());
    command.env("SLIPWAY_COMPLETE", "bash").env("_CLAP_IFS", "\n");
    let output = command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).output().await.unwrap();
    Ended::of(output).with(0).stdout.lines().map(|line| line.trim().to_owned()).collect()
}

#[tokio::test]
async fn words_go_on_with_what_the_cluster_has() {
    let fleet = Fleet::new("words").await;
    fleet.apply_from_git("demo", json!({"services": ["www"]})).await;
    fleet.answer(&fleet.get("demo").await, json!({"lock": www(true)})).await;
    assert_eq!(offered(&fleet, &["status", "de"]).await, ["demo"]);
    assert_eq!(offered(&fleet, &["why", "-e", "demo", "w"]).await, ["www"]);
    assert_eq!(offered(&fleet, &["logs", "-e", "demo", "--context", "slip"]).await, [fleet.context.as_str()]);
    assert_eq!(offered(&fleet, &["start", "loc"]).await, ["local"]);
}
