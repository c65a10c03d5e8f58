//! The command line tool against a real API server. The operator's part is played by the test, which writes statuses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing story may say so loudly")]

#[path = "command_line/failed.rs"]
mod failed;
#[path = "command_line/hand.rs"]
mod hand;

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use slipway_cluster::{Cluster, Mode, Options, Progress};
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::Program;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::OnceCell;

const LIMIT: Duration = Duration::from_mins(1);
const COMMIT: &str = "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0";

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let options = Options { mode: Mode::Fast, progress: Progress::Quiet, ..Options::default() };
            let cluster = Cluster::start(options).await.unwrap();
            install(&client(&cluster).await).await;
            cluster
        })
        .await
}

/// A client of this test's own runtime.
async fn client(cluster: &Cluster) -> Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(cluster.kubeconfig_path()).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options);
    Client::try_from(config.await.unwrap()).unwrap()
}

async fn install(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in slipway_crds::definitions() {
        api.create(&PostParams::default(), &definition).await.unwrap();
        let name = definition.name_any();
        let established = await_condition(api.clone(), &name, is_crd_established());
        tokio::time::timeout(LIMIT, established).await.unwrap().unwrap();
    }
}

/// A namespace of a fleet, and the tool pointed at it.
struct Fleet {
    client: Client,
    namespace: String,
    context: String,
    kubeconfig: PathBuf,
    folder: tempfile::TempDir,
}

impl Fleet {
    async fn new(namespace: &str) -> Self {
        let cluster = cluster().await;
        let client = client(cluster).await;
        let named = json!({"metadata": {"name": namespace}});
        let named: Namespace = serde_json::from_value(named).unwrap();
        Api::all(client.clone()).create(&PostParams::default(), &named).await.unwrap();
        Self {
            client,
            namespace: namespace.to_owned(),
            context: format!("slipway-{}", cluster.id()),
            kubeconfig: cluster.kubeconfig_path(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn environments(&self) -> Api<DevEnvironment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn get(&self, name: &str) -> DevEnvironment {
        self.environments().get(name).await.unwrap()
    }

    /// As git would: with the label of a `GitSync`.
    async fn apply_from_git(&self, name: &str, spec: Value) {
        let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment", "spec": spec,
            "metadata": {"name": name, "labels": {names::GITSYNC: "fleet"}}});
        let object = serde_json::from_value(object).unwrap();
        self.environments().create(&PostParams::default(), &object).await.unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(Program::Cli.path().unwrap());
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command.env("SLIPWAY_CONTEXT", &self.context).env("SLIPWAY_NAMESPACE", &self.namespace);
        command.env("KUBECONFIG", &self.kubeconfig).env("USER", "emma");
        command
    }

    async fn run(&self, words: &[&str]) -> Ended {
        let output = tokio::time::timeout(LIMIT, self.command(words).output()).await.unwrap().unwrap();
        Ended::of(output)
    }

    fn begin(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until an environment is as wanted.
    async fn until(&self, name: &str, wanted: impl Fn(&DevEnvironment) -> bool) -> DevEnvironment {
        let changes = watcher::watch_object(self.environments(), name).default_backoff();
        let seen =
            changes.filter_map(|seen| std::future::ready(seen.ok().flatten().filter(|found| wanted(found))));
        tokio::time::timeout(LIMIT, Box::pin(seen).next()).await.unwrap().unwrap()
    }

    /// Writes a status as the operator would: about the present spec, in answer to the last request.
    async fn answer(&self, environment: &DevEnvironment, mut status: Value) {
        status["observedGeneration"] = json!(environment.metadata.generation);
        status["lastHandledReconcileAt"] = json!(environment.annotations().get(names::REQUESTED_AT));
        let patch = Patch::Merge(json!({"status": status}));
        let name = environment.name_any();
        self.environments().patch_status(&name, &PatchParams::default(), &patch).await.unwrap();
    }
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    async fn wait(child: Child) -> Self {
        Self::of(tokio::time::timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap())
    }

    #[track_caller]
    fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n{}{}", self.stdout, self.stderr);
        self
    }
}

fn condition(type_: &str, status: &str, message: &str) -> Value {
    json!({"type": type_, "status": status, "reason": "Reason", "message": message,
        "lastTransitionTime": "2026-11-22T10:00:00Z"})
}

fn is_asked(environment: &DevEnvironment) -> bool {
    environment.annotations().contains_key(names::REQUESTED_AT)
}

#[tokio::test]
async fn start_makes_an_environment_and_shows_how_it_comes_up() {
    let fleet = Fleet::new("start").await;
    let start = fleet.begin(&["start", "www", "--branch", "www=fix", "--ttl", "8h"]);
    let made = fleet.until("dev-emma", is_asked).await;
    assert_eq!(
        serde_json::to_value(&made.spec).unwrap(),
        json!({"services": ["www"], "branches": {"www": "fix"}, "ttl": "8h"})
    );
    assert!(made.annotations().contains_key(names::MADE_BY));
    let www = |ready: bool| json!([{"service": "www", "commit": COMMIT, "why": "branch fix", "image": "i", "ready": ready}]);
    let progressing = json!([condition("Ready", "False", "www is starting")]);
    fleet.answer(&made, json!({"services": "0/1", "lock": www(false), "conditions": progressing})).await;
    let ready = json!([condition("Ready", "True", "every service is ready")]);
    fleet.answer(&made, json!({"services": "1/1", "lock": www(true), "conditions": ready})).await;
    let ended = Ended::wait(start).await.with(0);
    assert!(ended.stderr.contains("www: commit 3f2c1ab0 (branch fix)\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("www: ready\n"), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("✓ dev-emma is ready"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_second_start_adds_and_only_takes_away() {
    let fleet = Fleet::new("edit").await;
    fleet.run(&["start", "www", "api", "--branch", "www=fix", "--detach"]).await.with(0);
    let printed =
        fleet.run(&["start", "eta", "--branch", "www=", "--detach", "-o", "json"]).await.with(0).stdout;
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["spec"], json!({"services": ["www", "api", "eta"]}));
    fleet.run(&["start", "eta", "--only", "--detach"]).await.with(0);
    assert_eq!(fleet.get("dev-emma").await.spec.services, ["eta"]);
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_not_waited_for() {
    let fleet = Fleet::new("stalled").await;
    let start = fleet.begin(&["start", "wwww"]);
    let made = fleet.until("dev-emma", is_asked).await;
    let message = "service wwww has no ServiceRepo";
    fleet.answer(&made, json!({"conditions": [condition("Ready", "False", message), condition("Stalled", "True", message)]})).await;
    let ended = Ended::wait(start).await.with(1);
    assert!(ended.stderr.contains(message), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

/// Waits until a line with this text is printed.
async fn heard(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) {
    let found = async { while !lines.next_line().await.unwrap().unwrap().contains(text) {} };
    tokio::time::timeout(LIMIT, found).await.unwrap();
}

#[tokio::test]
async fn what_the_api_server_refuses_is_told_once_with_what_to_do() {
    let fleet = Fleet::new("refused").await;
    let kubeconfig = cluster().await.kubeconfig_for("tester", None).unwrap();
    let output = fleet.command(&["list"]).env("KUBECONFIG", kubeconfig).output().await.unwrap();
    let refused = Ended::of(output).with(1);
    let complaint: Vec<_> = refused.stderr.lines().skip(1).collect();
    assert!(
        complaint[0]
            .starts_with("error: failed to list the environments: devenvironments.slipway.dev is forbidden")
    );
    assert_eq!(complaint[1..], ["  ask whoever administers the cluster for this right"]);
}

#[tokio::test]
async fn ctrl_c_stops_watching_and_nothing_else() {
    let fleet = Fleet::new("interrupted").await;
    let mut start = fleet.begin(&["start", "www"]);
    let mut news = BufReader::new(start.stderr.take().unwrap()).lines();
    let made = fleet.until("dev-emma", is_asked).await;
    let lock = json!([{"service": "www", "commit": COMMIT, "why": "trunk", "ready": false}]);
    fleet.answer(&made, json!({"services": "0/1", "lock": lock})).await;
    heard(&mut news, "www: commit").await;
    let pid = start.id().unwrap().to_string();
    Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    heard(&mut news, "goes on starting").await;
    Ended::wait(start).await.with(130);
    assert!(fleet.get("dev-emma").await.metadata.deletion_timestamp.is_none());
}

#[tokio::test]
async fn what_came_from_git_is_stopped_kept_and_started_but_never_edited() {
    let fleet = Fleet::new("git").await;
    fleet.apply_from_git("demo", json!({"profile": "demo", "ttl": "8h"})).await;
    let refused = fleet.run(&["start", "eta", "--env", "demo"]).await.with(1);
    assert!(refused.stderr.contains("commit this instead"), "{}", refused.stderr);
    assert!(refused.stderr.contains("  profile: demo\n  services:\n  - eta\n"), "{}", refused.stderr);
    let before = fleet.get("demo").await;
    fleet.run(&["stop", "demo"]).await.with(0);
    assert!(fleet.get("demo").await.annotations().contains_key(names::STOPPED_AT));
    fleet.run(&["start", "--env", "demo", "--detach"]).await.with(0);
    fleet.run(&["keep", "demo", "--for", "24h"]).await.with(0);
    let after = fleet.get("demo").await;
    assert!(!after.annotations().contains_key(names::STOPPED_AT));
    assert!(after.annotations().contains_key(names::KEEP_UNTIL));
    assert_eq!((after.spec, after.metadata.generation), (before.spec, before.metadata.generation));
}

#[tokio::test]
async fn environments_are_listed_and_told() {
    let fleet = Fleet::new("told").await;
    let none = fleet.run(&["list"]).await.with(0);
    assert_eq!(none.stdout, "");
    fleet.apply_from_git("demo", json!({"profile": "demo"})).await;
    fleet.run(&["start", "www", "--detach"]).await.with(0);
    let listed = fleet.run(&["list"]).await.with(0).stdout;
    assert!(listed.contains("\ndemo      New"), "{listed}");
    let objects: Value =
        serde_json::from_str(&fleet.run(&["list", "-o", "json"]).await.with(0).stdout).unwrap();
    assert_eq!(objects["items"].as_array().unwrap().len(), 2);
    assert!(fleet.run(&["status"]).await.with(0).stdout.starts_with("dev-emma  New"));
    let unknown = fleet.run(&["status", "demi"]).await.with(64);
    assert!(unknown.stderr.contains("name one of: demo, dev-emma"), "{}", unknown.stderr);
}

/// The status of a run that is over, and its stored result.
async fn finish(fleet: &Fleet, run: &DevEnvironment, outcome: &str) {
    let generation = run.metadata.generation.unwrap();
    let result = format!("{}-run-{generation}", run.name_any());
    let record = json!({"exitCode": 1, "error": null, "totals": null, "failures": [], "notes": [], "seconds": 1,
        "files": [{"key": "junit-000-www.xml", "path": "test/www.xml"}], "digest": ""});
    let stored = json!({"metadata": {"name": result}, "data": {"result.json": record.to_string(), "log": "the log\n",
        "junit-000-www.xml": format!("<testsuite attempt=\"{generation}\"/>")}});
    let stored: ConfigMap = serde_json::from_value(stored).unwrap();
    let results: Api<ConfigMap> = Api::namespaced(fleet.client.clone(), &fleet.namespace);
    results.create(&PostParams::default(), &stored).await.unwrap();
    let integration = json!({"generation": generation, "step": "Finished", "outcome": outcome, "message": "it is over",
        "failures": [{"name": "the front page greets", "message": "no greeting"}], "result": result,
        "since": "2026-11-22T10:00:00Z"});
    fleet.answer(run, json!({"integration": integration})).await;
}

fn junit(fleet: &Fleet, folder: &str) -> String {
    std::fs::read_to_string(fleet.folder.path().join(folder).join("junit-000-www.xml")).unwrap()
}

#[tokio::test]
async fn a_commit_is_tested_once_and_again_only_when_told() {
    let fleet = Fleet::new("test").await;
    let name = "test-www-3f2c1ab03f2c";
    let call = ["test", "www", "--commit", COMMIT, "--wait"];
    let first = fleet.begin(&call);
    let made = fleet.until(name, is_asked).await;
    let integration = json!({"integration": {"service": "www", "commit": COMMIT}});
    assert_eq!(serde_json::to_value(&made.spec).unwrap(), integration);
    finish(&fleet, &made, "Failed").await;
    let ended = Ended::wait(first).await.with(1);
    assert!(
        ended.stdout.contains("the log\n") && ended.stdout.contains("✗ the front page greets"),
        "{}",
        ended.stdout
    );
    assert_eq!(junit(&fleet, "slipway-results"), "<testsuite attempt=\"1\"/>");

    let stored = fleet.run(&[&call[..], &["--junit", "elsewhere"]].concat()).await.with(1);
    assert!(stored.stderr.contains("the stored result"), "{}", stored.stderr);
    assert_eq!(junit(&fleet, "elsewhere"), "<testsuite attempt=\"1\"/>");
    assert_eq!(fleet.get(name).await.metadata.generation, Some(1));

    let second = fleet.begin(&[&call[..], &["--again", "-o", "json"]].concat());
    let again = fleet.until(name, |found| found.metadata.generation == Some(2)).await;
    assert_eq!(again.spec.integration.as_ref().unwrap().attempt, Some(2));
    finish(&fleet, &again, "Passed").await;
    let ended = Ended::wait(second).await.with(0);
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed["status"]["integration"]["outcome"], "Passed");
    assert_eq!(junit(&fleet, "slipway-results"), "<testsuite attempt=\"2\"/>");
}

#[tokio::test]
async fn tests_that_could_not_say_are_neither_passed_nor_failed() {
    let fleet = Fleet::new("undecided").await;
    let call = fleet.begin(&["test", "www", "--commit", "main", "--wait"]);
    let made = fleet.until("test-www-main", is_asked).await;
    finish(&fleet, &made, "Error").await;
    Ended::wait(call).await.with(2);
    let late = fleet.run(&["test", "api", "--commit", COMMIT, "--wait", "--timeout", "1s"]).await.with(2);
    assert!(late.stderr.contains("the run goes on"), "{}", late.stderr);
}

#[tokio::test]
async fn a_stopped_run_is_told_and_made_anew() {
    let fleet = Fleet::new("stopped-run").await;
    let call = ["test", "www", "--commit", COMMIT];
    fleet.run(&call).await.with(0);
    fleet.run(&["stop", "test-www-3f2c1ab03f2c"]).await.with(0);
    fleet.run(&[&call[..], &["--again"]].concat()).await.with(0);
    let again = fleet.get("test-www-3f2c1ab03f2c").await;
    assert!(!again.annotations().contains_key(names::STOPPED_AT));
    assert_eq!(again.spec.integration.unwrap().attempt, Some(2));
}

#[tokio::test]
async fn a_plan_without_an_operator_says_that_it_is_missing() {
    let fleet = Fleet::new("plan").await;
    let accounts: Api<ServiceAccount> = Api::namespaced(fleet.client.clone(), &fleet.namespace);
    let is_there = |found: Option<&ServiceAccount>| found.is_some();
    let made = await_condition(accounts, names::PLAN_ACCOUNT, is_there);
    tokio::time::timeout(LIMIT, made).await.unwrap().unwrap();
    let refused = fleet.run(&["plan", "demo", "www"]).await.with(1);
    assert!(
        refused.stderr.contains("there is no Service slipway-controller in namespace slipway-system"),
        "{}",
        refused.stderr
    );
}
