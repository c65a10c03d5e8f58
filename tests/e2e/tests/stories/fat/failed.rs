//! `slipway exec --failed`.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use slipway_crds::names;
use slipway_crds::v1alpha1::ServiceBuild;
use slipway_demo::Change;
use slipway_e2e::World;
use slipway_e2e::cli::Slipway;
use slipway_e2e::fat::{FatYard, SERVICE};
use slipway_e2e::waiting::{PATIENCE, until_all};
use tokio::process::Command;

/// What a look prints: where it is, whose image it is, which credentials there are, and the tests once more.
const LOOK: &str = "pwd; echo $SERVICE_SHA $OPS_SHA; ls /var/run/secrets /slipway; make test_unit";

pub async fn looked_into(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-failed", &[]).await?;
    let half = "return { harbour = { x = 1.5, y = 2 } }\n";
    let pushed = fat.push(&[Change::write("places.lua", half)]).await?;
    let slipway = Slipway::new(world, fat.yard.namespace())?;
    let built = slipway.ends_with(1, &["build", SERVICE, "--commit", &pushed.commit, "--watch"]).await?;
    ensure!(
        built.printed.contains("-failed") || built.printed.contains("unit tests failed"),
        "{}",
        built.printed
    );

    let look = slipway.ends_with(2, &["exec", "--failed", SERVICE, "--", "sh", "-c", LOOK]).await?;
    let printed = &look.printed;
    let both = format!("{} {}", pushed.commit, fat.ops_head()?);
    for wanted in [
        "/srv/service\n",
        both.as_str(),
        "failed   ats.places::harbour",
        "command  make test_unit, in /srv/service",
    ] {
        ensure!(printed.contains(wanted), "there is no {wanted:?}: {printed}");
    }
    for missing in ["/var/run/secrets", "/slipway"] {
        ensure!(printed.contains(&format!("cannot access '{missing}'")), "{missing} is there: {printed}");
    }
    let place = Place::of(&fat).await?;
    place.is_empty().await?;

    let mut short = slipway.begin(&["exec", "--failed", SERVICE, "--", "true"])?;
    let open = short.stdin.take();
    let ended =
        tokio::time::timeout(PATIENCE, short.wait()).await.context("it waits for somebody to type")??;
    ensure!(ended.success() && open.is_some(), "it ended with {ended}");
    place.is_empty().await?;

    let builds = fat.builds().await?.len();
    let mut held = slipway.begin(&["exec", "--failed", SERVICE, "--", "sleep", "600"])?;
    place.until("a pod of the look runs", |pods| pods.iter().any(|pod| runs(pod))).await?;
    let pid = held.id().context("it has ended already")?.to_string();
    ensure!(
        Command::new("kill").args(["-INT", &pid]).status().await?.success(),
        "nobody was there to interrupt"
    );
    let ended = held.wait().await?;
    ensure!(ended.code() == Some(130), "it ended with {ended}");
    place.is_empty().await?;
    ensure!(fat.builds().await?.len() == builds, "something was built");
    Ok(())
}

fn runs(pod: &Pod) -> bool {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running")
}

/// Where looks are made.
struct Place {
    jobs: Api<Job>,
    pods: Api<Pod>,
}

impl Place {
    async fn of(fat: &FatYard<'_>) -> Result<Self> {
        let all: Api<ServiceBuild> = fat.yard.within(fat.yard.namespace());
        let builds = all.list(&kube::api::ListParams::default()).await?;
        let namespace = builds.iter().find_map(|build| build.status.as_ref()?.namespace.clone());
        let namespace = namespace.with_context(|| format!("no build has pods: {:?}", builds.items))?;
        Ok(Self { jobs: fat.yard.within(&namespace), pods: fat.yard.within(&namespace) })
    }

    async fn until(&self, what: &str, wish: impl Fn(&[Arc<Pod>]) -> bool) -> Result<()> {
        until_all(&self.pods, looks(), what, wish).await.map(drop)
    }

    async fn is_empty(&self) -> Result<()> {
        self.until("no pod of a look is left", <[_]>::is_empty).await?;
        let none = |jobs: &[Arc<Job>]| jobs.is_empty();
        let left = until_all(&self.jobs, looks(), "no Job of a look is left", none).await?;
        ensure!(left.is_empty(), "there are {:?}", left.iter().map(|job| job.name_any()).collect::<Vec<_>>());
        Ok(())
    }
}

fn looks() -> watcher::Config {
    watcher::Config::default().labels(names::FAILED_BUILD)
}
