//! One run of a scenario, with or without faults.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::names::Names;
use crate::oracle::counts::{self, Counts};
use crate::oracle::invariants::{self, Territory};
use crate::oracle::state::{self, State};
use crate::point::Point;
use crate::proxy::{Entry, Rule};
use crate::scenario::Scenario;
use crate::stage::{LIMIT, Stage};
use crate::world::{CANARY, World};

/// For how long nothing may be written once things have settled.
const REST: Duration = Duration::from_secs(1);

/// How a run went.
pub struct Ended {
    /// What was there at the end.
    pub state: State,
    /// What was made and removed.
    pub counts: Counts,
    /// The writes, in the order in which they came.
    pub points: Vec<Point>,
    /// Whether every rule found what it is about.
    pub reached: bool,
    /// What is wrong whatever the reference run says.
    pub broken: Vec<String>,
}

/// Runs a scenario; `rules` are made for the names of this run and hold from the act on.
pub async fn run(
    world: &World,
    scenario: &dyn Scenario,
    rules: &(dyn Fn(&Names) -> Vec<Rule> + Send + Sync),
) -> Result<Ended> {
    let stage = Stage::open(world, scenario.name()).await?;
    let ended = tokio::time::timeout(LIMIT * 2, play(&stage, scenario, rules)).await;
    let ended = ended.map_err(anyhow::Error::from).and_then(|ended| ended);
    let ended = ended.with_context(|| last_words(&stage));
    stage.close().await;
    ended
}

async fn play(
    stage: &Stage<'_>,
    scenario: &dyn Scenario,
    rules: &(dyn Fn(&Names) -> Vec<Rule> + Send + Sync),
) -> Result<Ended> {
    scenario.set_up(stage).await.context("the scenario could not be set up")?;
    stage.settle().await?;
    let names = stage.names();
    let begin = stage.proxy.record().len();
    stage.proxy.rules().set(rules(&names));
    scenario.act(stage).await?;
    let end = || scenario.is_over(stage);
    stage.until("the scenario is over", end).await?;
    stage.settle().await?;
    stage.until("the scenario is still over", end).await?;
    let mut broken = rest(stage).await;
    let acted = stage.proxy.record().since(begin);
    let reached = stage.proxy.rules().all_reached();
    stage.proxy.rules().set(Vec::new());
    if rules(&names).is_empty() {
        broken.extend(restart(stage).await?);
    }
    let objects = state::look(stage).await?;
    broken.extend(
        state::orphans(&objects, &names).into_iter().map(|object| format!("I5: {object} is an orphan")),
    );
    broken.extend(judge(stage).await?);
    Ok(Ended {
        state: state::general(&objects, &names),
        counts: counts::count(&acted, &names),
        points: Point::all(&acted, &names),
        reached,
        broken,
    })
}

/// I4: no writes after things have settled.
async fn rest(stage: &Stage<'_>) -> Vec<String> {
    let from = stage.proxy.record().len();
    tokio::time::sleep(REST).await;
    writes_since(stage, from, "after everything had settled")
}

/// I4: none after a restart either, when nothing has changed.
async fn restart(stage: &Stage<'_>) -> Result<Vec<String>> {
    stage.operator.kill();
    let from = stage.proxy.record().len();
    stage.start_operator()?;
    stage.settle().await?;
    Ok(writes_since(stage, from, "after a restart at rest"))
}

fn writes_since(stage: &Stage<'_>, from: usize, when: &str) -> Vec<String> {
    let written = |entry: &Entry| entry.target.verb.is_write();
    let late = stage.proxy.record().since(from).into_iter().filter(written);
    late.map(|entry| format!("I4: {entry} {when}")).collect()
}

async fn judge(stage: &Stage<'_>) -> Result<Vec<String>> {
    let entries = stage.proxy.record().since(0);
    let territory = Territory { fleet: &stage.fleet, environments: &[&stage.environment, &stage.builds] };
    let mut broken = invariants::broken(&entries, &territory);
    let metrics = stage.operator.get("metrics").await.context("the operator does not tell its metrics")?;
    broken.extend(invariants::told_secrets(&entries, &stage.operator.log(), &metrics, CANARY));
    Ok(broken)
}

fn last_words(stage: &Stage<'_>) -> String {
    let log = stage.operator.log();
    let lines: Vec<&str> = log.lines().rev().take(15).collect();
    let requests = stage.proxy.record().since(0);
    let writes: Vec<String> =
        requests.iter().filter(|entry| entry.target.verb.is_write()).map(ToString::to_string).collect();
    let writes = writes[writes.len().saturating_sub(15)..].join("\n  ");
    let lines = lines.into_iter().rev().collect::<Vec<_>>().join("\n  ");
    format!("in {}; last writes:\n  {writes}\nlast lines of the operator's log:\n  {lines}", stage.fleet)
}

/// What of a run is not as in the reference run, and what is wrong in itself.
pub fn wrong(reference: &Ended, found: &Ended) -> Vec<String> {
    let mut all = found.broken.clone();
    all.extend(state::differences(&reference.state, &found.state));
    all.extend(counts::differences(&reference.counts, &found.counts));
    all
}

/// The reference run: one in which nothing goes wrong.
pub async fn reference(world: &World, scenario: &dyn Scenario) -> Result<Ended> {
    let ended = run(world, scenario, &|_| Vec::new()).await?;
    if !ended.broken.is_empty() {
        bail!("{} is wrong without any fault:\n  {}", scenario.name(), ended.broken.join("\n  "));
    }
    Ok(ended)
}
