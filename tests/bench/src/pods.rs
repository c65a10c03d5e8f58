//! Environments on real pods, to Ready, beside kubectl with the same objects.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, DynamicObject, ListParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use serde_json::{Value, json};
use slipway_cluster::{Cluster, Options, Process, Progress, REGISTRY};
use slipway_demo::{GIT_HOST, Program};
use slipway_images::{Credentials, Execution, Image, LayerBuilder, Registry, shared_libraries};
use tempfile::NamedTempFile;

use crate::figure::{Figure, Section, ratios};
use crate::fleet::{Services, namespace_of};
use crate::kubectl::kubectl;
use crate::rounds::Size;
use crate::world::{create_namespace, install_kinds};

/// Sizes of environments, with what is aimed at beside kubectl.
const SIZES: [(usize, Option<f64>); 3] = [(1, Some(1.1)), (5, None), (10, Some(0.7))];
/// Port of the operator inside the node.
const OPERATOR_PORT: u16 = 8090;
const PATIENCE: Duration = Duration::from_mins(3);

/// A cluster with a node, a fleet, and the operator inside the node.
struct Yard {
    cluster: Cluster,
    client: Client,
    services: Services,
}

/// Measures all sizes.
pub async fn run(size: Size) -> Result<Section> {
    eprintln!("environments on real pods");
    let yard = Yard::open().await?;
    // The node has the image after the first one.
    yard.environment("warm", 1).await?;
    let mut figures = Vec::new();
    for (services, aim) in SIZES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 1..=size.rounds {
            let name = format!("of-{services}-{round}");
            let (environment, objects) = yard.environment(&name, services).await?;
            ours.push(environment.as_secs_f64());
            theirs.push(yard.kubectl(&name, &objects).await?.as_secs_f64());
        }
        eprintln!("  {services} services: {ours:.1?} s, kubectl {theirs:.1?} s");
        let beside =
            Figure::new(format!("{services}: environment beside kubectl"), "×", ratios(&ours, &theirs));
        figures.push(Figure::new(format!("{services}: environment, request to Ready"), "s", ours));
        figures.push(Figure::new(format!("{services}: kubectl apply and wait"), "s", theirs));
        figures.push(match aim {
            Some(limit) => beside.at_most(limit),
            None => beside,
        });
    }
    yard.cluster.stop().await?;
    Ok(Section { title: "Environments of 1, 5 and 10 services on real pods".to_owned(), figures })
}

impl Yard {
    async fn open() -> Result<Self> {
        let options = Options { progress: Progress::Quiet, ..Options::default() };
        let cluster = Cluster::start(options).await?;
        let client = cluster.client().await?;
        install_kinds(&client).await?;
        push_image(&cluster).await?;
        let folder = cluster.data_dir().join("git");
        std::fs::create_dir_all(&folder)?;
        start_git(&cluster, &folder.to_string_lossy()).await?;
        start_operator(&cluster).await?;
        let most = SIZES.iter().map(|(services, _)| *services).max().unwrap_or_default();
        let url = |name: &str| format!("http://{GIT_HOST}/{name}.git");
        let services = Services::open(&client, &folder, REGISTRY, "{registry}/service:1", most, url).await?;
        Ok(Self { cluster, client, services })
    }

    /// An environment to Ready, and its objects for kubectl; it is gone when this returns.
    async fn environment(&self, name: &str, services: usize) -> Result<(Duration, Vec<Value>)> {
        let begun = Instant::now();
        self.services.create_environment(name, services).await?;
        self.services.until_ready(name).await?;
        let took = begun.elapsed();
        let objects = self.objects(&namespace_of(name)).await?;
        self.services.delete_environment(name).await?;
        self.until_gone(&namespace_of(name)).await?;
        Ok((took, objects))
    }

    /// What is in a namespace, as somebody would write it who applies it by hand.
    async fn objects(&self, namespace: &str) -> Result<Vec<Value>> {
        let mut objects = Vec::new();
        for resource in kinds() {
            let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
            let found = api.list(&ListParams::default().labels(slipway_crds::names::ENVIRONMENT)).await?;
            objects.extend(
                found.items.iter().map(|object| plain(object, &resource.api_version, &resource.kind)),
            );
        }
        Ok(objects)
    }

    /// `kubectl apply` and `kubectl wait`; everything is gone when this returns.
    async fn kubectl(&self, name: &str, objects: &[Value]) -> Result<Duration> {
        let namespace = format!("kubectl-{name}");
        let file = NamedTempFile::with_suffix(".json")?;
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        // The labels of our objects would make the operator look at these.
        std::fs::write(file.path(), list.to_string().replace("slipway.dev/", "bench.test/"))?;
        let path = file.path().to_string_lossy();
        let begun = Instant::now();
        create_namespace(&self.client, &namespace).await?;
        kubectl(&self.cluster, &["apply", "-n", &namespace, "-f", &path]).await?;
        let wait =
            ["wait", "-n", &namespace, "--for=condition=Available", "deployment", "--all", "--timeout=180s"];
        kubectl(&self.cluster, &wait).await?;
        let took = begun.elapsed();
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(&namespace, &DeleteParams::default()).await?;
        self.until_gone(&namespace).await?;
        Ok(took)
    }

    async fn until_gone(&self, namespace: &str) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let gone = await_condition(namespaces, namespace, |found: Option<&Namespace>| found.is_none());
        tokio::time::timeout(PATIENCE, gone).await.with_context(|| format!("{namespace} stays"))??;
        Ok(())
    }
}

/// The kinds of an environment's objects that a person would write.
fn kinds() -> Vec<kube::api::ApiResource> {
    use k8s_openapi::api::{apps::v1 as apps, core::v1 as core, networking::v1 as networking};
    use kube::api::ApiResource;
    vec![
        ApiResource::erase::<core::Service>(&()),
        ApiResource::erase::<networking::NetworkPolicy>(&()),
        ApiResource::erase::<apps::Deployment>(&()),
    ]
}

fn plain(object: &DynamicObject, api_version: &str, kind: &str) -> Value {
    let metadata = json!({"name": object.metadata.name, "labels": object.metadata.labels});
    let mut spec = object.data["spec"].clone();
    if let Some(fields) = spec.as_object_mut().filter(|_| kind == "Service") {
        fields.retain(|field, _| field != "clusterIP" && field != "clusterIPs");
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

/// This program as a service: it answers on a port.
async fn push_image(cluster: &Cluster) -> Result<()> {
    let program = std::env::current_exe()?;
    let mut files = LayerBuilder::new().copy_file(&program, "/service")?;
    for library in shared_libraries(&program)? {
        files = files.copy_file(&library, &library.to_string_lossy())?;
    }
    let entrypoint = vec!["/service".to_owned(), "serve".to_owned()];
    let image = Image::from_scratch(vec![files.build()?], &Execution { entrypoint, ..Execution::default() })?;
    let address = cluster.registry_address().context("this cluster has no registry")?.to_string();
    let registry = Registry::new(vec![address.clone()], Credentials::Anonymous);
    registry.push(&image, &Registry::reference(&format!("{address}/service:1"))?).await?;
    Ok(())
}

async fn start_git(cluster: &Cluster, folder: &str) -> Result<()> {
    let listen = std::net::SocketAddr::new(cluster.node_address(), 80);
    let program = Program::Demo.path()?;
    let words = ["git-server", "--listen", &listen.to_string(), "--directory", folder];
    start(cluster, "git", program, &words, Vec::new(), listen).await
}

async fn start_operator(cluster: &Cluster) -> Result<()> {
    let listen = std::net::SocketAddr::new(cluster.node_address(), OPERATOR_PORT);
    let program = Program::Controller.path()?;
    let (context, url) = (format!("slipway-{}", cluster.id()), format!("http://{listen}"));
    let mirrors = cluster.data_dir().join("mirrors");
    let (mirrors, address) = (mirrors.to_string_lossy(), listen.to_string());
    let words = [
        "--context",
        &context,
        "--listen",
        &address,
        "--url",
        &url,
        "--cache",
        &mirrors,
        "--plain-http-registries",
        REGISTRY,
    ];
    let kubeconfig = cluster.kubeconfig_inside()?.to_string_lossy().into_owned();
    start(cluster, "operator", program, &words, vec![("KUBECONFIG".to_owned(), kubeconfig)], listen).await
}

async fn start(
    cluster: &Cluster,
    name: &str,
    program: PathBuf,
    words: &[&str],
    environment: Vec<(String, String)>,
    ready: std::net::SocketAddr,
) -> Result<()> {
    let mut command = vec![program.to_string_lossy().into_owned()];
    command.extend(words.iter().map(|word| (*word).to_owned()));
    let process = Process { name: name.to_owned(), command, environment, ready: Some(ready) };
    Ok(cluster.start_inside(process).await?)
}
