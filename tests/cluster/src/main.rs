//! `slipway-cluster`: the local cluster for people.

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use slipway_cluster::{Cache, Cluster, Mode, Options, Progress, precheck};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(version, about = "A one-node Kubernetes in namespaces of its own")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Say what this machine lacks, with the cure for each thing
    Check(Wanted),
    /// Download and build every part that is not in the cache yet
    Build(Wanted),
    /// Print where Helm is, and build it first when it is not there yet
    Helm,
    /// Start a cluster and keep it until Ctrl-C
    Up(Wanted),
}

#[derive(Args)]
struct Wanted {
    /// etcd, API server and controller manager only: no pods
    #[arg(long)]
    fast: bool,
    /// Carry out network policies
    #[arg(long, conflicts_with = "fast")]
    network_policies: bool,
}

impl Wanted {
    fn mode(&self) -> Mode {
        if self.fast { Mode::Fast } else { Mode::Full }
    }
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let done = runtime.block_on(run());
    // An interrupted build is not waited for: it ends when nobody reads what it prints.
    runtime.shutdown_background();
    done
}

async fn run() -> anyhow::Result<()> {
    match Cli::parse().verb {
        Verb::Check(wanted) => check(wanted.mode()),
        Verb::Build(wanted) => Ok(Cache::open()?.prepare(wanted.mode(), Progress::Lines)?),
        Verb::Helm => {
            println!("{}", Cache::open()?.helm(Progress::Lines)?.display());
            Ok(())
        }
        Verb::Up(wanted) => Box::pin(up(&wanted)).await,
    }
}

fn check(mode: Mode) -> anyhow::Result<()> {
    let findings = precheck::findings(mode)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.iter().filter(|finding| finding.cure.is_some()).count() {
        0 => Ok(()),
        missing => bail!("{missing} things are missing"),
    }
}

async fn up(wanted: &Wanted) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (mode, network_policies) = (wanted.mode(), wanted.network_policies);
    let start = Cluster::start(Options { mode, network_policies, ..Options::default() });
    let cluster = tokio::select! {
        started = start => started.context("the cluster did not start")?,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    };
    announce(&cluster);
    let ended = tokio::select! {
        ended = cluster.ended() => Some(ended),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    eprintln!("\nThe cluster is being cleared away…");
    cluster.stop().await?;
    eprintln!("Nothing of it is left.");
    match ended {
        None => Ok(()),
        Some(ended) => bail!("{} {}; its last lines:\n{}", ended.name, ended.reason, ended.log),
    }
}

/// All at once: a reader that takes only the first line must not hurt.
fn announce(cluster: &Cluster) {
    let (kubeconfig, kubectl) = (cluster.kubeconfig_path(), cluster.kubectl_path());
    let registry = cluster.registry_address().map_or(String::new(), |address| {
        format!("# registry: {address} here, {} inside\n", slipway_cluster::REGISTRY)
    });
    print!("export KUBECONFIG={}\nalias kubectl={}\n{registry}", kubeconfig.display(), kubectl.display());
    eprintln!("Ctrl-C ends it all.");
}
