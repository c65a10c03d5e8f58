//! What kubectl says of the objects, on a real API server.

use std::process::{Command, Output};

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use slipway_cluster::{Cache, Cluster, Mode, Options, Progress};

use crate::states::{self, Kstatus, State};
use crate::{builds, environments, syncs};

const NAMESPACE: &str = "reading";

/// A cluster with every object in every state that can be made there.
struct Shown {
    cluster: Cluster,
}

impl Shown {
    async fn start() -> Self {
        let options = Options { mode: Mode::Fast, progress: Progress::Quiet, ..Options::default() };
        let cluster = Cluster::start(options).await.unwrap();
        let client = cluster.client().await.unwrap();
        let named: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).unwrap();
        Api::all(client.clone()).create(&PostParams::default(), &named).await.unwrap();
        for definition in slipway_crds::definitions() {
            install(&client, &definition).await;
        }
        for state in all() {
            put(&client, &state).await;
        }
        Self { cluster }
    }

    fn kubectl(&self, words: &[&str]) -> Output {
        let program = Cache::open().unwrap().built_kubectl(Progress::Quiet).unwrap();
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", self.cluster.kubeconfig_path())
            .args(["--namespace", NAMESPACE])
            .args(words);
        command.output().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.kubectl(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A generation is the API server's to count, and what is deleted is gone.
fn all() -> Vec<State> {
    let all = [states::fleets(), states::service_repos(), environments::all(), syncs::all(), builds::all()]
        .concat();
    all.into_iter().filter(|state| state.name != "edited" && state.kstatus != Kstatus::Terminating).collect()
}

async fn install(client: &Client, definition: &CustomResourceDefinition) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    api.create(&PostParams::default(), definition).await.unwrap();
    await_condition(api, &definition.name_any(), is_crd_established()).await.unwrap();
}

/// Makes the object as a person would, and writes its status as the operator would.
async fn put(client: &Client, state: &State) {
    let kind = state.object["kind"].as_str().unwrap();
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk(slipway_crds::GROUP, slipway_crds::VERSION, kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
    let object = json!({"apiVersion": state.object["apiVersion"], "kind": kind, "spec": state.object["spec"],
        "metadata": {"name": state.name}});
    let made = api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    assert_eq!(
        made.data["status"]["observedGeneration"],
        slipway_crds::UNOBSERVED,
        "nobody has looked at it"
    );
    let status = Patch::Merge(json!({"status": state.object["status"]}));
    api.patch_status(state.name, &PatchParams::default(), &status).await.unwrap();
}

/// A table without what differs from run to run: ages of less than 100 seconds.
fn ageless(table: &str) -> String {
    let mut column = None;
    let lines = table.lines().map(|line| {
        column = line.find("AGE").filter(|_| line.starts_with("NAME")).or(column);
        let mut line = line.to_owned();
        if let Some(at) = column.filter(|at| !line.starts_with("NAME") && line.len() > at + 3) {
            line.replace_range(at..at + 3, "1s ");
        }
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

#[tokio::test]
async fn kubectl_reads_well() {
    let shown = Shown::start().await;
    let tables = [
        vec!["get", "fleets"],
        vec!["get", "srepo"],
        vec!["get", "denv"],
        vec!["get", "denv", "stopped", "failed", "ready", "--output", "wide"],
        vec!["get", "gsync"],
        vec!["get", "sbuild"],
    ];
    let told: Vec<_> = tables
        .iter()
        .map(|words| format!("$ kubectl {}\n{}", words.join(" "), ageless(&shown.says(words))))
        .collect();
    let (told, golden) = (told.join("\n"), include_str!("golden/kubectl-get.txt"));
    assert!(told == golden, "golden/kubectl-get.txt is not what kubectl says:\n{told}");

    let category = shown.says(&["get", "slipway", "--output", "name"]);
    assert_eq!(category.lines().count(), all().len(), "{category}");
    let waits = |object: &str, condition: &str| {
        let condition = format!("--for=condition={condition}");
        shown.kubectl(&["wait", object, &condition, "--timeout=1s"]).status.success()
    };
    assert!(waits("denv/ready", "Ready") && waits("fleet/ready", "Ready") && waits("gsync/applied", "Ready"));
    assert!(!waits("denv/starting", "Ready") && !waits("denv/stopped", "Ready"), "nothing answers there");
    assert!(
        waits("denv/stopped", "Ended") && waits("denv/failed", "Ended") && waits("denv/failed", "Stalled")
    );
    let described = shown.says(&["describe", "denv", "image-missing"]);
    assert!(described.contains("ImageNotFound"), "{described}");
    let explained = shown.says(&["explain", "denv.spec.ttl"]);
    assert!(explained.contains("Example: `8h`"), "{explained}");
    shown.cluster.stop().await.unwrap();
}
