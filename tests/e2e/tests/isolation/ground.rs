//! What all stories start from: an API server with the chart on it, and the operator under its own name.

use std::fmt::Debug;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding};
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client, Config, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slipway_cluster::{Cluster, Mode, Options, Progress};
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::{Change, GitServer, Program, TRUNK};
use slipway_e2e::chart::Helm;
use slipway_e2e::operator::USER;
use tokio::sync::OnceCell;

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);
/// What must never be seen where it was not put.
pub const CANARY: &str = "canary-9d41c0";

static GROUND: OnceCell<Ground> = OnceCell::const_new();

/// The cluster.
pub struct Ground {
    cluster: Cluster,
}

/// The one ground of this run.
pub async fn ground() -> &'static Ground {
    GROUND
        .get_or_init(|| async {
            let ground = Ground::start("admission.stampRequester=auto").await;
            ground.until_policies_work().await;
            ground
        })
        .await
}

impl Ground {
    /// A ground of one's own, for the one story that has another chart.
    pub async fn start(setting: &str) -> Self {
        let options = Options { mode: Mode::Fast, progress: Progress::Quiet, ..Options::default() };
        let cluster = Cluster::start(options).await.unwrap();
        let helm = Helm::new(&cluster.kubeconfig_path()).unwrap();
        let install = ["install", "slipway", "--create-namespace", "--set", "image.registry=r.example.com"];
        helm.run(&[&install[..], &["--set", setting]].concat()).unwrap();
        let ground = Self { cluster };
        ground.may_do_everything_with_slipway().await;
        ground
    }

    /// A client with all rights.
    pub async fn admin(&self) -> Client {
        client(self.cluster.kubeconfig_path()).await
    }

    /// A client of somebody who has no rights but those that stories give.
    pub async fn user(&self, name: &str) -> Client {
        client(self.cluster.kubeconfig_for(name, None).unwrap()).await
    }

    /// A client with the operator's rights.
    pub async fn operator(&self) -> Client {
        self.user(USER).await
    }

    /// A namespace.
    pub async fn namespace(&self, name: &str) {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        create(&Api::all(self.admin().await), &Namespace { metadata, ..Namespace::default() }).await.unwrap();
    }

    async fn may_do_everything_with_slipway(&self) {
        let rules = json!([{"apiGroups": ["slipway.dev"], "resources": ["*"], "verbs": ["*"]}]);
        let role = json!({"metadata": {"name": "fleet-author"}, "rules": rules});
        let role: ClusterRole = serde_json::from_value(role).unwrap();
        create(&Api::all(self.admin().await), &role).await.unwrap();
    }

    /// Policies work a moment after they were made.
    async fn until_policies_work(&self) {
        let admin = self.admin().await;
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        let (namespaces, environments) =
            (Api::<Namespace>::all(admin.clone()), Api::<DevEnvironment>::namespaced(admin, "default"));
        let forged = json!({"metadata": {"name": "env-forged", "labels": {names::ENVIRONMENT: "x"}}});
        let forged: Namespace = serde_json::from_value(forged).unwrap();
        let plain: DevEnvironment = serde_json::from_value(environment_object("x", &json!({}))).unwrap();
        eventually("the chart's policies work", || async {
            let refused = namespaces.create(&dry_run, &forged).await.is_err();
            let stamped = environments.create(&dry_run, &plain).await;
            refused && stamped.is_ok_and(|made| made.annotations().contains_key(names::REQUESTED_BY))
        })
        .await;
    }

    /// Lets a user write Slipway's kinds in a namespace, and nothing else.
    pub async fn author(&self, user: &str, namespace: &str) -> Client {
        self.bind(user, namespace, "fleet-author").await;
        self.until_allowed(user, namespace, "slipway.dev", "devenvironments").await;
        self.user(user).await
    }

    /// Gives a user a role in a namespace.
    pub async fn bind(&self, user: &str, namespace: &str, role: &str) {
        let binding = json!({
            "metadata": {"name": format!("{user}-{role}")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        let binding: RoleBinding = serde_json::from_value(binding).unwrap();
        create(&Api::namespaced(self.admin().await, namespace), &binding).await.unwrap();
    }

    /// Rights count a moment after they were given.
    pub async fn until_allowed(&self, user: &str, namespace: &str, group: &str, resource: &str) {
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.user(user).await);
        let attributes = json!({"namespace": namespace, "verb": "get", "group": group, "resource": resource});
        let review = json!({"metadata": {}, "spec": {"resourceAttributes": attributes}});
        let review: SelfSubjectAccessReview = serde_json::from_value(review).unwrap();
        eventually(&format!("{user} may get {resource} in {namespace}"), || async {
            let answer = create(&reviews, &review).await.unwrap();
            answer.status.is_some_and(|status| status.allowed)
        })
        .await;
    }

    /// Starts the operator for a namespace, with the rights that the chart gives and no others.
    pub fn start_operator(&self, namespace: &str) -> Operator {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let kubeconfig = self.cluster.kubeconfig_for(USER, None).unwrap();
        let context = Kubeconfig::read_from(&kubeconfig).unwrap().current_context.unwrap();
        let started = Command::new(Program::Controller.path().unwrap())
            .args(["--context", &context, "--namespace", namespace, "--url", "http://127.0.0.1:1"])
            .args(["--listen", &port.to_string(), "--cache"])
            .arg(folder.path().join("cache"))
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "debug")
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        Operator { process: started.unwrap(), listens: port.to_string(), folder }
    }
}

/// The operator's process; dropping it kills it.
pub struct Operator {
    process: Child,
    listens: String,
    folder: tempfile::TempDir,
}

impl Operator {
    /// What it logged so far, down to debug messages.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// What it serves under a path.
    pub async fn get(&self, path: &str) -> String {
        slipway_demo::get(self.listens.parse().unwrap(), path).await.unwrap()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn client(kubeconfig: PathBuf) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    Client::try_from(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap())
        .unwrap()
}

/// Asks again and again until it is so.
pub async fn eventually<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let asking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while !is_so().await {
            ticks.tick().await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, asking).await.is_ok(), "waited {LIMIT:?} until {what}");
}

/// Makes an object.
pub async fn create<K>(api: &Api<K>, object: &K) -> Result<K, kube::Error>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    api.create(&PostParams::default(), object).await
}

/// Makes an object of one of Slipway's kinds, or any other, from what one would write.
pub async fn write<K>(client: &Client, namespace: &str, object: Value) -> Result<K, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    create(&Api::namespaced(client.clone(), namespace), &serde_json::from_value(object).unwrap()).await
}

/// The API server's words of refusal.
pub fn refusal<K: Debug>(outcome: Result<K, kube::Error>) -> String {
    match outcome {
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 422) => status.message.clone(),
        other => panic!("this must be refused: {other:?}"),
    }
}

/// Waits until an object is as told, and returns it.
pub async fn until<K>(api: Api<K>, name: &str, holds: impl Condition<K>) -> K
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    match tokio::time::timeout(LIMIT, await_condition(api.clone(), name, holds)).await {
        Ok(found) => found.unwrap().unwrap(),
        Err(_) => panic!("waited {LIMIT:?} for {name}; it is {:#?}", api.get_opt(name).await),
    }
}

/// A fleet in a namespace, its service's repository behind a password, and its registry behind another one.
pub struct Fleet {
    pub namespace: String,
    pub _server: GitServer,
    _folder: tempfile::TempDir,
}

impl Fleet {
    /// Namespace, Secrets, repository, Fleet and `ServiceRepo`.
    pub async fn open(ground: &Ground, namespace: &str) -> Self {
        ground.namespace(namespace).await;
        let admin = ground.admin().await;
        let folder = tempfile::tempdir().unwrap();
        let server = GitServer::start(folder.path()).await.unwrap();
        let repository = server.create("www").unwrap();
        let manifest =
            "name: www\nimage: \"{registry}/www:{commit}\"\nrun: {ports: [80]}\ndependencies: [local]\n";
        repository.commit(TRUNK, "first", &[Change::write("manifest.yaml", manifest)]).unwrap();
        server.protect("www", "reader", CANARY).unwrap();
        let git =
            json!({"metadata": {"name": "git"}, "stringData": {"username": "reader", "password": CANARY}});
        write::<Secret>(&admin, namespace, git).await.unwrap();
        let config = json!({"auths": {"127.0.0.1:1": {"username": "fleet", "password": CANARY}}}).to_string();
        let pull = json!({"metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": config}});
        write::<Secret>(&admin, namespace, pull).await.unwrap();
        let fleet = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "fleet"}, "spec": {
            "registry": "127.0.0.1:1", "pullSecret": "registry",
            "stores": [{"name": "redis", "image": "{registry}/redis:7", "ports": [6379], "data": "/data"}],
        }});
        write::<slipway_crds::v1alpha1::Fleet>(&admin, namespace, fleet).await.unwrap();
        let repo = repository_object("www", &server.url("www"), "git");
        write::<slipway_crds::v1alpha1::ServiceRepo>(&admin, namespace, repo).await.unwrap();
        Self { namespace: namespace.to_owned(), _server: server, _folder: folder }
    }
}

/// A `ServiceRepo`.
pub fn repository_object(name: &str, url: &str, secret: &str) -> Value {
    json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceRepo", "metadata": {"name": name},
        "spec": {"url": url, "credentials": {"secret": secret}, "interval": "1s"}})
}

/// A `DevEnvironment`.
pub fn environment_object(name: &str, annotations: &Value) -> Value {
    json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
        "metadata": {"name": name, "annotations": annotations}, "spec": {"services": ["www"]}})
}
