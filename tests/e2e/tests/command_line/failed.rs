//! `exec --failed`: the Job of a look, and its end. No pod runs here.

use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use slipway_crds::v1alpha1::{self, ServiceBuild};

use super::*;

/// A build of `www` with this status, whose pods are in the fleet's own namespace.
async fn build(fleet: &Fleet, name: &str, mut status: Value) {
    let builds: Api<ServiceBuild> = Api::namespaced(fleet.client.clone(), &fleet.namespace);
    let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceBuild", "metadata": {"name": name},
        "spec": {"service": "www", "commit": COMMIT}});
    builds.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    status["conditions"] = json!([]);
    let patch = Patch::Merge(json!({"status": status}));
    builds.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

fn failed(fleet: &Fleet) -> Value {
    json!({"step": "Finished", "outcome": "Failed", "message": "the unit tests failed: the command ended with code 2",
        "namespace": fleet.namespace, "image": "registry/www@sha256:cc",
        "inputs": {"commit": COMMIT, "opsCommit": "91ab", "base": "registry/base@sha256:aa"},
        "unit": {"outcome": "Failed", "message": "the command ended with code 2",
            "failures": [{"name": "pages::greets", "message": "no greeting"}],
            "run": {"command": "make test", "folder": "/srv/www", "env": {"COLOUR": "green"}}}})
}

#[tokio::test]
async fn a_look_that_is_interrupted_leaves_no_job() {
    let fleet = Fleet::new("look").await;
    let fleets: Api<v1alpha1::Fleet> = Api::namespaced(fleet.client.clone(), &fleet.namespace);
    let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "fleet"},
        "spec": {"registry": "registry"}});
    fleets.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    build(&fleet, "www-1", failed(&fleet)).await;
    let jobs: Api<Job> = Api::namespaced(fleet.client.clone(), &fleet.namespace);
    let looks = watcher::Config::default().labels(names::FAILED_BUILD);
    for (signal, word) in [("-INT", "www"), ("-TERM", "www-1"), ("-HUP", "www")] {
        let look = fleet.begin(&["exec", "--failed", word]);
        let seen = Box::pin(watcher(jobs.clone(), looks.clone()).default_backoff().applied_objects());
        let mut seen = seen.filter_map(|seen| std::future::ready(seen.ok()));
        let job = tokio::time::timeout(LIMIT, seen.next()).await.unwrap().unwrap();
        assert_eq!(job.labels()[names::FAILED_BUILD], "www-1");
        let pid = look.id().unwrap().to_string();
        Command::new("kill").args([signal, &pid]).status().await.unwrap();
        let ended = Ended::wait(look).await.with(130);
        assert!(
            ended.stderr.contains(&format!("  commit   {COMMIT}\n  ops      91ab\n")),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains("  failed   pages::greets: no greeting\n"), "{}", ended.stderr);
        let left = jobs.list(&ListParams::default()).await.unwrap().items;
        assert!(left.is_empty(), "{signal}: {left:?}");
    }
}

#[tokio::test]
async fn what_has_not_failed_is_not_opened() {
    let fleet = Fleet::new("no-look").await;
    let refused = fleet.run(&["exec", "--failed", "www"]).await.with(64);
    assert!(
        refused.stderr.contains("there is no build www, and none of a service www"),
        "{}",
        refused.stderr
    );
    let message = "1 of 9 states failed";
    build(
        &fleet,
        "www-1",
        json!({"step": "Finished", "outcome": "Failed", "message": message, "result": "www-1-build"}),
    )
    .await;
    let refused = fleet.run(&["exec", "--failed", "www-1", "--", "true"]).await.with(64);
    assert!(
        refused.stderr.contains(message) && refused.stderr.contains("configmap www-1-build"),
        "{}",
        refused.stderr
    );
    let refused = fleet.run(&["exec", "--failed", "www"]).await.with(64);
    assert!(
        refused.stderr.contains("of 1 builds of www none failed in its unit tests"),
        "{}",
        refused.stderr
    );
}
