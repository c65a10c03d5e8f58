//! Starts everything: a list of calls.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::channel::mpsc;
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Service;
use kube::api::DynamicObject;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::controller::Action;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Config};
use prometheus_client::registry::Registry as MetricsRegistry;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, GitSync, ServiceBuild, ServiceRepo};
use slipway_plan::desired::integration::AgentSettings;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::blocks::Blocks;
use crate::builds::Progress;
use crate::cache::{BuildObjects, Cache, ForeignObjects, OwnObjects};
use crate::context::{Context, Stores};
use crate::git::{Git, Limits};
use crate::lease::{self, Candidate, Tenure};
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::pull_secrets::PullSecrets;
use crate::pushed::Wake;
use crate::reconcile::{self, dev_environment, fleet, gitsync, service_build, service_repo, wake};
use crate::registry::Registry;
use crate::repositories::Repositories;
use crate::server;
use crate::settings::{LogFormat, Settings};
use crate::turns::Turns;

/// After how many seconds a watch is renewed: a dead one is noticed five seconds later.
const WATCH_SECONDS: u32 = 25;
/// How long reconciles that have begun may go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(8);
/// How many objects of one kind are reconciled at once.
const PARALLEL: u16 = 16;

/// What the program does: writes its log to standard error, and runs the operator.
pub async fn main(settings: Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,kube=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Json => log.json().init(),
        LogFormat::Text => log.init(),
    }
    run(settings).await
}

/// Runs the operator until it is told to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let client = client(&settings).await?;
    // It holds the whole operator: too much for the stack of whoever waits for it.
    Box::pin(operate(client, settings)).await
}

/// Runs the operator on the cluster of this client.
pub async fn operate(client: Client, settings: Settings) -> anyhow::Result<()> {
    let tenure = if settings.leader_elect { Tenure::none() } else { Tenure::unlimited() };
    let mut candidate = candidate(&client, &settings, &tenure)?;
    let client = lease::client::fenced(client, tenure.clone());
    let mut registry = MetricsRegistry::default();
    let metrics = Metrics::register(&mut registry);
    let agent = agent(&client, &settings).await?;
    let (trigger, triggered) = mpsc::unbounded();
    let (ask_fleet, fleets_asked) = mpsc::unbounded();
    let fleets = controller::<Fleet>(&client, &settings).reconcile_on(fleets_asked);
    let (ask_repo, repos_asked) = mpsc::unbounded();
    let repos = controller::<ServiceRepo>(&client, &settings).reconcile_on(repos_asked);
    let environments = controller::<DevEnvironment>(&client, &settings).reconcile_on(triggered);
    let (ask_sync, syncs_asked) = mpsc::unbounded();
    let syncs = controller::<GitSync>(&client, &settings).reconcile_on(syncs_asked);
    let (ask_build, builds_asked) = mpsc::unbounded();
    let builds = controller::<ServiceBuild>(&client, &settings).reconcile_on(builds_asked);
    let pushed = Wake::new(ask_sync.clone(), ask_repo);
    let wake_syncs = gitsync::trigger(syncs.store(), ask_sync);
    let wake_neighbours =
        wake::neighbours(environments.store(), trigger.clone(), fleets.store(), ask_fleet.clone());
    let wake_builds = wake::builds(builds.store(), ask_build.clone());
    let foreign = ForeignObjects::new(&client, wake_syncs.clone());
    let wake = move |kind: &str, object: &DynamicObject| {
        wake_syncs(object);
        wake_neighbours(kind, object);
        wake_builds(kind, object);
    };
    let stores = Stores {
        fleets: fleets.store(),
        repos: repos.store(),
        environments: environments.store(),
        syncs: syncs.store(),
        builds: builds.store(),
    };
    let context = Arc::new(Context {
        git: Git::new(&settings.cache, Limits::default())?,
        registry: Registry::new(settings.plain_http_registries.clone()),
        agent,
        pull_secrets: PullSecrets::new(client.clone()),
        cache: Cache::start(&client, &trigger),
        builds: BuildObjects::start(&client, &ask_build),
        progress: Progress::new(ask_build.clone()),
        turns: Turns::default(),
        ask_build,
        ask_fleet,
        own: OwnObjects::start(&client, settings.namespace.as_deref(), wake),
        foreign,
        stores,
        repositories: Repositories::default(),
        ops: Memory::default(),
        blocks: Blocks::default(),
        refused: Memory::default(),
        reported: Memory::default(),
        starts: Memory::default(),
        looks: Memory::default(),
        known_files: Memory::default(),
        settled: Memory::default(),
        attempts: Memory::default(),
        recorder: Recorder::new(client.clone(), reporter()),
        metrics,
        pushed,
        trigger,
        tenure,
        client,
    });
    let serve = server::serve(&settings, context.clone(), registry);
    let work = futures::future::join5(
        drive(fleets, fleet::reconcile, &context),
        drive(repos, service_repo::reconcile, &context),
        drive_when_cached(environments, &context),
        drive_syncs(syncs, &context),
        drive_builds(builds, &context),
    );
    info!("started");
    let ended = tokio::select! {
        served = serve => served,
        _ = work => Ok(()),
        lost = lost(candidate.as_mut()) => Err(lost.into()),
        told = told_to_stop(&context.tenure) => told,
    };
    if let Some(candidate) = candidate {
        candidate.release().await;
    }
    ended
}

/// Who wants the Lease; nobody when there is no election. It has the namespace and name of the operator's Service.
fn candidate(client: &Client, settings: &Settings, tenure: &Tenure) -> anyhow::Result<Option<Candidate>> {
    if !settings.leader_elect {
        return Ok(None);
    }
    let name = service_name(&settings.service)?;
    let me = settings.identity.clone().unwrap_or_else(|| format!("slipway-{:016x}", rand::random::<u64>()));
    let address =
        settings.address.map(|address| SocketAddr::new(address, settings.listen.port()).to_string());
    let address = address.unwrap_or_default();
    Ok(Some(Candidate::new(client.clone(), name, me, address, tenure.clone())))
}

async fn lost(candidate: Option<&mut Candidate>) -> lease::Lost {
    match candidate {
        Some(candidate) => candidate.run().await,
        None => std::future::pending().await,
    }
}

/// Whoever works gets the time to end what was begun; a standby has nothing to end.
async fn told_to_stop(tenure: &Tenure) -> anyhow::Result<()> {
    let mut told = signal(SignalKind::terminate()).context("failed to listen to SIGTERM")?;
    told.recv().await;
    if tenure.is_held() {
        tokio::time::sleep(DRAIN).await;
    }
    Ok(())
}

/// Environments wait until what is in them is known, and what they are made from: what is not seen must not be taken
/// for missing. A Fleet that seems to be missing would end an integration run.
async fn drive_when_cached(controller: Controller<DevEnvironment>, context: &Arc<Context>) {
    context.cache.ready().await;
    // An error means that the process is shutting down.
    let _ = context.stores.fleets.wait_until_ready().await;
    let _ = context.stores.repos.wait_until_ready().await;
    drive(controller, dev_environment::reconcile, context).await;
}

/// Nor must Jobs of a build.
async fn drive_builds(controller: Controller<ServiceBuild>, context: &Arc<Context>) {
    context.builds.ready().await;
    let _ = context.stores.fleets.wait_until_ready().await;
    let _ = context.stores.repos.wait_until_ready().await;
    let _ = context.stores.environments.wait_until_ready().await;
    drive(controller, service_build::reconcile, context).await;
}

/// Nor must objects of a `GitSync`.
async fn drive_syncs(controller: Controller<GitSync>, context: &Arc<Context>) {
    context.own.ready().await;
    drive(controller, gitsync::reconcile, context).await;
}

async fn drive<K, R, F>(controller: Controller<K>, reconcile: R, context: &Arc<Context>)
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + Sync + 'static,
    K: serde::de::DeserializeOwned,
    R: Fn(Arc<K>, Arc<Context>) -> F + Send + Sync + Copy + 'static,
    F: Future<Output = Result<Action, crate::error::Error>> + Send + 'static,
{
    let guarded = move |object: Arc<K>, context: Arc<Context>| {
        reconcile::guarded(object.clone(), context.clone(), reconcile(object, context))
    };
    let retry = |object: Arc<K>, error: &crate::error::Error, context: Arc<Context>| {
        reconcile::retry(&object, error, &context)
    };
    let config = kube::runtime::controller::Config::default().concurrency(PARALLEL);
    let results = controller.with_config(config).shutdown_on_signal().run(guarded, retry, context.clone());
    ignore(results).await;
}

/// Outcomes were counted and logged where they arose.
async fn ignore<T>(results: impl Stream<Item = T>) {
    results.for_each(|_| std::future::ready(())).await;
}

fn controller<K>(client: &Client, settings: &Settings) -> Controller<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope> + Clone + std::fmt::Debug,
    K: serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let api: Api<K> = match &settings.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    Controller::new(api, watcher::Config::default().timeout(WATCH_SECONDS))
}

/// The cluster it runs in, or the context it was told to use: never a default context.
async fn client(settings: &Settings) -> anyhow::Result<Client> {
    let config = match &settings.context {
        Some(name) => {
            let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
            let file = Kubeconfig::read().context("failed to read the kubeconfig: set KUBECONFIG")?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .with_context(|| format!("failed to use context {name}"))?
        }
        None => Config::incluster()
            .context("failed to find the cluster this runs in: outside of one, name a --context")?,
    };
    Client::try_from(config).context("failed to make a client for the API server")
}

fn reporter() -> Reporter {
    Reporter { controller: "slipway-controller".to_owned(), instance: std::env::var("HOSTNAME").ok() }
}

async fn agent(client: &Client, settings: &Settings) -> anyhow::Result<AgentSettings> {
    let url = match &settings.url {
        Some(url) => url.clone(),
        None => own_url(client, &settings.service).await?,
    };
    Ok(AgentSettings { image: settings.agent_image.clone(), url })
}

fn service_name(service: &str) -> anyhow::Result<(&str, &str)> {
    match service.split_once('/') {
        Some(name) => Ok(name),
        None => bail!("`{service}` is not namespace/name: correct --service"),
    }
}

/// The URL of the operator's own Service, by address.
async fn own_url(client: &Client, service: &str) -> anyhow::Result<String> {
    let (namespace, name) = service_name(service)?;
    let api: Api<Service> = Api::namespaced(client.clone(), namespace);
    let read = || async { api.get(name).await };
    let patience =
        backon::ExponentialBuilder::default().with_max_delay(Duration::from_secs(5)).with_max_times(8);
    let found = backon::Retryable::retry(read, patience).await;
    let found = found.with_context(|| {
        format!("failed to read the operator's own Service {service}: set --url or --service")
    })?;
    let spec = found.spec.unwrap_or_default();
    let port = spec.ports.unwrap_or_default().first().map_or(80, |port| port.port);
    let address = spec.cluster_ip.filter(|address| address != "None");
    let address =
        address.with_context(|| format!("the operator's own Service {service} has no ClusterIP"))?;
    Ok(format!("http://{address}:{port}"))
}
