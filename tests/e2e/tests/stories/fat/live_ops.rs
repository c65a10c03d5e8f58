//! `slipway start --live-ops`, and `slipway sync --ops`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::TRUNK;
use slipway_e2e::World;
use slipway_e2e::cli::Slipway;
use slipway_e2e::environment::locked;
use slipway_e2e::fat::{FatYard, SERVICE};
use slipway_e2e::waiting::{PATIENCE, until_answered};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStdout;

const ENVIRONMENT: &str = "edited";
/// A state of which nothing else depends.
const BROKEN: &str = "\nno-such-file:\n  file.managed:\n    - name: /etc/x\n    - source: salt://not/there\n";
/// The IDs of the processes that runit watches.
const PROCESSES: [&str; 3] = ["sh", "-c", "cat /etc/service/*/supervise/pid"];

pub async fn converges(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-live-ops", &[]).await?;
    let slipway = Slipway::new(world, fat.yard.namespace())?;
    let tree = slipway.clone_of(&world.demo.clone_url(&fat.ops_name()), TRUNK).await?;
    let path = tree.to_string_lossy().into_owned();
    let mut start = slipway.begin(&["start", SERVICE, "--env", ENVIRONMENT, "--live-ops", &path])?;
    let mut told = Told::of(start.stdout.take().context("nothing is printed")?);
    let edited = fat.yard.ready(ENVIRONMENT).await?;
    served(&fat, &edited, "fleet").await?;
    told.until(&["✓", "nothing to do"]).await?;

    prefix(&tree, "crew")?;
    told.until(&["✓", "states changed", "restarted app, metrics"]).await?;
    served(&fat, &edited, "crew").await?;

    let before = fat.exec(&edited, &PROCESSES).await?;
    let state = tree.join("states/metrics/init.sls");
    let good = std::fs::read_to_string(&state)?;
    std::fs::write(&state, format!("{good}{BROKEN}"))?;
    told.until(&["✗", "1 of"]).await?;
    told.until(&["no-such-file", "salt://not/there"]).await?;
    served(&fat, &edited, "crew").await?;
    ensure!(fat.exec(&edited, &PROCESSES).await? == before, "something was restarted");
    let broken =
        slipway.ends_with(1, &["sync", SERVICE, "--env", ENVIRONMENT, "--ops", &path, "--once"]).await?;
    ensure!(broken.printed.contains("no-such-file"), "it does not say what is broken: {}", broken.printed);

    std::fs::write(&state, &good)?;
    prefix(&tree, "guild")?;
    served(&fat, &edited, "guild").await?;
    let found = fat.yard.ready(ENVIRONMENT).await?;
    ensure!(found.spec == edited.spec, "the environment's spec was changed: {:?}", found.spec);
    let commit = locked(&found, SERVICE).and_then(|locked| locked.ops_commit.clone());
    ensure!(commit == Some(fat.ops_head()?), "it is at another ops commit: {commit:?}");

    restarted(&fat, &slipway).await?;
    let edited = fat.yard.ready(ENVIRONMENT).await?;
    served(&fat, &edited, "guild").await?;
    start.kill().await?;
    restarted(&fat, &slipway).await?;
    let edited = fat.yard.ready(ENVIRONMENT).await?;
    served(&fat, &edited, "fleet").await?;
    let once =
        slipway.ends_with(0, &["sync", "--env", ENVIRONMENT, "--ops", &path, "--once", "-o", "json"]).await?;
    ensure!(once.printed.contains("\"event\":\"provisioned\""), "nothing was provisioned: {}", once.printed);
    served(&fat, &edited, "guild").await?;

    let nowhere = slipway.folder().to_string_lossy().into_owned();
    let refused = slipway.ends_with(64, &["sync", "--env", ENVIRONMENT, "--ops", &nowhere]).await?;
    ensure!(refused.printed.contains("is no git working tree"), "{}", refused.printed);
    Ok(())
}

/// What the daemon beside the service is called is in a pillar.
fn prefix(tree: &Path, name: &str) -> Result<()> {
    let pillar = format!("metrics: {{port: 9125, statsd: 8125, prefix: {name}}}\n");
    Ok(std::fs::write(tree.join("pillar/fleet.sls"), pillar)?)
}

async fn served(fat: &FatYard<'_>, environment: &DevEnvironment, prefix: &str) -> Result<()> {
    let what = format!("the daemon calls itself {prefix}");
    until_answered(&what, async || fat.is_served_as(environment, prefix).await).await
}

async fn restarted(fat: &FatYard<'_>, slipway: &Slipway) -> Result<()> {
    slipway.ends_with(0, &["restart", SERVICE, "--env", ENVIRONMENT]).await?;
    fat.yard.ready(ENVIRONMENT).await.map(drop)
}

/// What it prints.
struct Told {
    lines: Lines<BufReader<ChildStdout>>,
}

impl Told {
    fn of(output: ChildStdout) -> Self {
        Self { lines: BufReader::new(output).lines() }
    }

    /// Reads on to a line with all of these words.
    async fn until(&mut self, words: &[&str]) -> Result<()> {
        let mut seen = Vec::new();
        let found = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await? {
                let is_it = words.iter().all(|word| line.contains(word));
                seen.push(line);
                if is_it {
                    return Ok(());
                }
            }
            anyhow::bail!("it ended")
        });
        let found = found.await.unwrap_or_else(|_| Err(anyhow::anyhow!("nothing more comes")));
        found.with_context(|| format!("no line has {words:?}: {seen:?}"))
    }
}
