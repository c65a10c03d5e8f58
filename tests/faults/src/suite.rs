//! Every scenario, killed at every write and told every lie.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use crate::lie::{self, Lie};
use crate::names::Names;
use crate::point::Point;
use crate::proxy::{Fault, Rule};
use crate::run::{self, Ended};
use crate::scenario::{self, Scenario};
use crate::world::World;

/// When the operator is killed, as seen from a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Before the API server sees it.
    Before,
    /// After the API server has done it, and before the operator hears so.
    After,
}

impl When {
    /// The fault it is.
    pub fn fault(self) -> Fault {
        match self {
            Self::Before => Fault::KillBefore,
            Self::After => Fault::KillAfter,
        }
    }
}

/// What goes wrong in one run.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The operator is killed at a write.
    Kill(When, Point),
    /// The operator is lied to.
    Lie(Lie),
}

impl Trouble {
    /// What goes wrong in a run with these names, given the writes of the reference run.
    fn rules(&self, points: &[Point], names: &Names) -> Vec<Rule> {
        match self {
            Self::Kill(when, point) => vec![Rule::once(point.matcher(names), point.nth, when.fault())],
            Self::Lie(lie) => lie.rules(points, names),
        }
    }

    /// What is said to `slipway-faults replay`.
    fn arguments(&self) -> String {
        match self {
            Self::Kill(when, point) => {
                let point = serde_json::to_string(point).unwrap_or_default();
                format!("kill {} '{point}'", format!("{when:?}").to_lowercase())
            }
            Self::Lie(lie) => format!("lie {}", lie.name),
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kill(When::Before, point) => write!(formatter, "killed before {point}"),
            Self::Kill(When::After, point) => write!(formatter, "killed after {point}"),
            Self::Lie(lie) => write!(formatter, "lied to: {}", lie.name),
        }
    }
}

/// Which runs are made: those whose number leaves this rest.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// The rest.
    pub rest: usize,
    /// The divisor; 1 makes all.
    pub of: usize,
}

/// How a run with trouble went.
pub struct Outcome {
    /// What went wrong.
    pub trouble: Trouble,
    /// Whether the run came by that at all.
    pub reached: bool,
    /// In what it ended otherwise than the reference run, or broke an invariant.
    pub wrong: Vec<String>,
    /// How long it took.
    pub time: Duration,
}

/// What became of one scenario.
pub struct Tried {
    /// Which.
    pub scenario: &'static str,
    /// Writes of the reference run.
    pub writes: usize,
    /// Its runs with trouble.
    pub outcomes: Vec<Outcome>,
}

/// Tries scenarios, `parallel` runs at once.
pub async fn try_all(
    world: &World,
    scenarios: &[Box<dyn Scenario>],
    share: Share,
    parallel: usize,
) -> Result<Vec<Tried>> {
    let references: Vec<Ended> = stream::iter(scenarios)
        .map(|scenario| run::reference(world, scenario.as_ref()))
        .buffered(parallel)
        .try_collect()
        .await?;
    let runs: Vec<_> = scenarios
        .iter()
        .zip(&references)
        .enumerate()
        .flat_map(|(index, (scenario, reference))| {
            // A short scenario gets its turn as often as a long one.
            let rest = (share.rest + index) % share.of;
            let chosen = troubles(reference).into_iter().enumerate();
            let chosen = chosen.filter(move |(number, _)| number % share.of == rest);
            chosen.map(move |(_, trouble)| {
                one(world, scenario.as_ref(), reference, trouble).map(move |it| (index, it))
            })
        })
        .collect();
    let outcomes: Vec<(usize, Outcome)> = stream::iter(runs).buffer_unordered(parallel).collect().await;
    Ok(sorted(scenarios, &references, outcomes))
}

/// Every kill and every lie.
fn troubles(reference: &Ended) -> Vec<Trouble> {
    let points = reference.points.iter();
    let kills =
        points.flat_map(|point| [When::Before, When::After].map(|when| Trouble::Kill(when, point.clone())));
    kills.chain(lie::ALL.map(Trouble::Lie)).collect()
}

fn sorted(
    scenarios: &[Box<dyn Scenario>],
    references: &[Ended],
    outcomes: Vec<(usize, Outcome)>,
) -> Vec<Tried> {
    let begun = scenarios.iter().zip(references).map(|(scenario, reference)| Tried {
        scenario: scenario.name(),
        writes: reference.points.len(),
        outcomes: Vec::new(),
    });
    let mut tried: Vec<Tried> = begun.collect();
    for (index, outcome) in outcomes {
        tried[index].outcomes.push(outcome);
    }
    tried
}

/// One run with trouble.
pub async fn one(world: &World, scenario: &dyn Scenario, reference: &Ended, trouble: Trouble) -> Outcome {
    let begin = Instant::now();
    let rules = |names: &Names| trouble.rules(&reference.points, names);
    let (reached, wrong) = match run::run(world, scenario, &rules).await {
        Ok(ended) => (ended.reached, run::wrong(reference, &ended)),
        Err(error) => (true, vec![format!("{error:#}")]),
    };
    if !wrong.is_empty() {
        println!("{}", complaint(scenario.name(), &trouble, &wrong));
    }
    Outcome { trouble, reached, wrong, time: begin.elapsed() }
}

fn complaint(scenario: &str, trouble: &Trouble, wrong: &[String]) -> String {
    let (wrong, arguments) = (wrong.join("\n  "), trouble.arguments());
    format!("{scenario}, {trouble}:\n  {wrong}\nrepeat it: slipway-faults replay {scenario} {arguments}")
}

/// Repeats one run.
pub async fn replay(world: &World, scenario: &str, trouble: Trouble) -> Result<Outcome> {
    let scenario = scenario::named(scenario).with_context(|| format!("there is no scenario {scenario}"))?;
    let reference = run::reference(world, scenario.as_ref()).await?;
    Ok(one(world, scenario.as_ref(), &reference, trouble).await)
}

/// What went wrong, and how to repeat it.
pub fn failures(tried: &[Tried]) -> Vec<String> {
    let all =
        tried.iter().flat_map(|tried| tried.outcomes.iter().map(move |outcome| (tried.scenario, outcome)));
    all.filter(|(_, outcome)| !outcome.wrong.is_empty())
        .map(|(scenario, outcome)| complaint(scenario, &outcome.trouble, &outcome.wrong))
        .collect()
}
