//! What every story starts from: a cluster for all, and for each a namespace, a git server and an operator.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slipway_cluster::{Cluster, Mode, Options, Progress};
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};
use slipway_demo::{Change, GitServer, Program, Repository, TRUNK};
use tokio::sync::OnceCell;

use super::operator::{Operator, client};
use super::repository;

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let options = Options { mode: Mode::Fast, progress: Progress::Quiet, ..Options::default() };
            let cluster = Cluster::start(options).await.unwrap();
            install(&client(cluster.kubeconfig_path()).await).await;
            cluster
        })
        .await
}

async fn install(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in slipway_crds::definitions() {
        let name = definition.name_any();
        api.create(&PostParams::default(), &definition).await.unwrap();
        tokio::time::timeout(LIMIT, await_condition(api.clone(), &name, is_crd_established()))
            .await
            .unwrap()
            .unwrap();
    }
}

/// One story.
pub struct Story {
    pub client: Client,
    pub namespace: String,
    pub server: Option<GitServer>,
    pub repository: Repository,
    /// Where the operator's HTTP server is.
    pub operator_at: SocketAddr,
    url: String,
    operator: Option<Operator>,
    kubeconfig: PathBuf,
    folder: tempfile::TempDir,
}

impl Story {
    /// A namespace, a git server with an empty repository `fleet`, and a running operator.
    pub async fn begin(name: &str) -> Self {
        let kubeconfig = cluster().await.kubeconfig_path();
        let client = client(kubeconfig.clone()).await;
        let namespace = Namespace {
            metadata: kube::core::ObjectMeta { name: Some(name.to_owned()), ..Default::default() },
            ..Default::default()
        };
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("git");
        std::fs::create_dir(&git).unwrap();
        let server = GitServer::start(&git).await.unwrap();
        let repository = server.create("fleet").unwrap();
        let mut story = Self {
            client,
            namespace: name.to_owned(),
            url: server.url("fleet"),
            server: Some(server),
            repository,
            operator_at: free_address(),
            operator: None,
            kubeconfig,
            folder,
        };
        story.start_operator();
        story
    }

    /// Starts the operator, again with the cache it had.
    pub fn start_operator(&mut self) {
        let cache = self.folder.path().join("cache");
        self.operator = Some(Operator::start(&self.kubeconfig, &self.namespace, &cache, self.operator_at));
    }

    /// Kills it.
    pub fn kill_operator(&mut self) {
        self.operator = None;
    }

    /// Commits files that declare these services, and takes others away.
    pub fn commit(&self, services: &[&str], removed: &[&str]) -> String {
        let mut changes: Vec<Change> =
            services.iter().map(|name| repository::service(name, &self.url)).collect();
        changes.extend(removed.iter().map(|name| Change::remove(&format!("{name}.yaml"))));
        self.repository.commit(TRUNK, "change", &changes).unwrap()
    }

    /// Commits one file.
    pub fn commit_file(&self, path: &str, text: &str) -> String {
        self.repository.commit(TRUNK, "change", &[Change::write(path, text)]).unwrap()
    }

    /// Commits files, or takes them away.
    pub fn repository_changes(&self, files: &[(&str, Option<&str>)]) -> String {
        let change = |(path, text): &(&str, Option<&str>)| match text {
            Some(text) => Change::write(path, *text),
            None => Change::remove(path),
        };
        let changes: Vec<Change> = files.iter().map(change).collect();
        self.repository.commit(TRUNK, "change", &changes).unwrap()
    }

    /// The declaration of a service.
    pub fn declared(&self, name: &str) -> String {
        repository::text(name, &self.url)
    }

    /// Makes the `GitSync` `fleet`, which asks every second unless `spec` says otherwise.
    pub async fn sync(&self, spec: Value) {
        self.try_sync(spec).await.unwrap();
    }

    /// Tries to make it.
    pub async fn try_sync(&self, spec: Value) -> kube::Result<GitSync> {
        let mut whole = json!({"url": self.url, "interval": "1s"});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let sync = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "GitSync", "metadata": {"name": "fleet"}, "spec": whole});
        let sync: GitSync = serde_json::from_value(sync).unwrap();
        self.api::<GitSync>().create(&PostParams::default(), &sync).await
    }

    /// Waits until the sync is as told, and returns it.
    pub async fn until(&self, what: &str, holds: impl Fn(&GitSync) -> bool) -> GitSync {
        self.wait("fleet", what, move |sync: Option<&GitSync>| sync.is_some_and(&holds)).await.unwrap()
    }

    /// Waits until the sync has applied a commit in full.
    pub async fn until_applied(&self, commit: &str) -> GitSync {
        self.until(&format!("{commit} is applied"), |sync| {
            applied(sync) == Some(commit) && ready(sync).0 == "True"
        })
        .await
    }

    /// Waits until the sync is not ready for this reason, and returns it.
    pub async fn until_not_ready(&self, reason: &str) -> GitSync {
        self.until(&format!("Ready is False for {reason}"), |sync| {
            let (status, because, _) = ready(sync);
            status == "False" && because == reason
        })
        .await
    }

    /// Waits until an object is as told, and returns it.
    pub async fn wait<K>(&self, name: &str, what: &str, holds: impl Condition<K>) -> Option<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let found = tokio::time::timeout(LIMIT, await_condition(self.api::<K>(), name, holds)).await;
        if let Ok(found) = found {
            return found.unwrap();
        }
        let last = self.api::<K>().get_opt(name).await;
        panic!("waited {LIMIT:?} until {what}; {} {name} is {last:#?}", K::kind(&()))
    }

    /// Names of the service repositories that are there.
    pub async fn services(&self) -> Vec<String> {
        let list = self.api::<ServiceRepo>().list(&kube::api::ListParams::default()).await.unwrap();
        list.iter().map(kube::ResourceExt::name_any).collect()
    }

    /// Writes as somebody else would.
    pub async fn patch<K>(&self, name: &str, patch: Value)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let params = PatchParams { field_manager: Some("emma-by-hand".to_owned()), ..PatchParams::default() };
        self.api::<K>().patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    /// Runs the command line tool, which asks the story's operator; returns what it prints, errors included.
    pub async fn slipway(&self, code: i32, words: &[&str]) -> String {
        let mut command = tokio::process::Command::new(Program::Cli.path().unwrap());
        command.args(words).current_dir(self.folder.path()).kill_on_drop(true);
        command.env("KUBECONFIG", &self.kubeconfig).env("SLIPWAY_NAMESPACE", &self.namespace);
        command.env("SLIPWAY_CONTEXT", format!("slipway-{}", cluster().await.id()));
        command.env("SLIPWAY_OPERATOR", format!("http://{}", self.operator_at));
        let output = tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap();
        let (said, news) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "slipway {words:?}\n{said}{news}");
        said
    }

    /// Makes a `ServiceRepo`.
    pub async fn make_repo(&self, name: &str, spec: Value) {
        let repo = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceRepo", "metadata": {"name": name}, "spec": spec});
        let repo: ServiceRepo = serde_json::from_value(repo).unwrap();
        self.api::<ServiceRepo>().create(&PostParams::default(), &repo).await.unwrap();
    }

    /// Waits until a `ServiceRepo` knows this commit as its trunk's.
    pub async fn until_trunk(&self, name: &str, commit: &str) {
        let knows = |repo: Option<&ServiceRepo>| {
            repo.and_then(|repo| repo.status.as_ref()?.trunk_commit.as_deref()) == Some(commit)
        };
        self.wait(name, &format!("its trunk is {commit}"), knows).await;
    }

    /// Annotates the sync.
    pub async fn annotate(&self, name: &str, value: &str) {
        self.patch::<GitSync>("fleet", json!({"metadata": {"annotations": {name: value}}})).await;
    }

    /// Deletes an object.
    pub async fn delete<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.api::<K>().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Puts texts into a Secret.
    pub async fn secret(&self, name: &str, data: Value) {
        let body =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
        let params = PatchParams::apply("emma-by-hand").force();
        self.api::<Secret>().patch(name, &params, &Patch::Apply(&body)).await.unwrap();
    }

    /// Puts the password into the Secret `git`.
    pub async fn password(&self, password: &str) {
        self.secret("git", json!({"username": "emma", "password": password})).await;
    }

    /// Objects of a kind in the story's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// An address of this machine that nobody listens on.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Status, reason and message of a condition; empty when it is not there.
pub fn condition<'a>(sync: &'a GitSync, type_: &str) -> (&'a str, &'a str, &'a str) {
    let status = sync.status.as_ref();
    let found = status.and_then(|status| conditions::find(&status.conditions, type_));
    found.map_or(("", "", ""), |found| (&found.status, &found.reason, &found.message))
}

/// Status, reason and message of `Ready`, when it is about the present spec.
pub fn ready(sync: &GitSync) -> (&str, &str, &str) {
    let observed = sync.status.as_ref().and_then(|status| status.observed_generation);
    if observed == sync.metadata.generation { condition(sync, conditions::READY) } else { ("", "", "") }
}

/// The commit that was applied in full.
pub fn applied(sync: &GitSync) -> Option<&str> {
    sync.status.as_ref()?.last_applied_revision.as_deref()
}
