//! The rounds of applying: the loader, the operator and kubectl, one after the other on the same fresh API server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::applications::{self, OBJECTS};
use crate::figure::{Figure, Section, percentile, ratios};
use crate::git_sync::{Sync, Synced};
use crate::kubectl::{kubectl, write_files};
use crate::loader::{self, Verb};
use crate::operator::Operator;
use crate::process::Usage;
use crate::rest::{self, Rest, Restart};
use crate::world::World;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rounds, each on an API server of its own.
    pub rounds: usize,
    /// The smaller number of applications.
    pub few: usize,
    /// The larger number of applications.
    pub many: usize,
    /// Commits of one change each.
    pub commits: usize,
    /// How long the time at rest is.
    pub rest: Duration,
    /// Starts after a kill.
    pub restarts: usize,
}

impl Size {
    /// What is published.
    pub const FULL: Self =
        Self { rounds: 3, few: 100, many: 1000, commits: 100, rest: Duration::from_mins(2), restarts: 3 };
    /// For developing.
    pub const QUICK: Self =
        Self { rounds: 1, few: 20, many: 200, commits: 20, rest: Duration::from_secs(20), restarts: 1 };
}

/// What one round found for one number of applications.
struct Applied {
    apply: Duration,
    create: Duration,
    sync: Sync,
    cpu: f64,
    usage: Usage,
}

/// All rounds; commits, rest and restart only in the last one, and kubectl with many applications only there.
pub async fn run(size: Size) -> Result<Vec<Section>> {
    let (mut few, mut many) = (Vec::new(), Vec::new());
    let (mut kubectl_few, mut kubectl_many, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    let mut later = Vec::new();
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}", size.rounds);
        let world = World::start().await?;
        let operator = world.operator().await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        idle.push(operator.usage()?.resident);
        let (applied, _) = apply(&world, &operator, size.few).await?;
        few.push(applied);
        let (applied, synced) = apply(&world, &operator, size.many).await?;
        many.push(applied);
        kubectl_few.push(beside(&world, size.few).await?);
        if round == size.rounds {
            rest::settle(&world).await?;
            later = Box::pin(afterwards(&world, operator, &synced, size)).await?;
            kubectl_many.push(beside(&world, size.many).await?);
        }
        world.cluster.stop().await?;
    }
    let mut sections =
        vec![applied_section(size.few, &few, &kubectl_few), applied_section(size.many, &many, &kubectl_many)];
    let idle = Figure::new("memory of an operator with nothing to do", "MB", idle).at_most(25.0);
    later.insert(0, Section { title: "Idle".to_owned(), figures: vec![idle] });
    sections.append(&mut later);
    Ok(sections)
}

async fn apply<'a>(world: &'a World, operator: &Operator, count: usize) -> Result<(Applied, Synced<'a>)> {
    eprintln!("  {count} applications");
    let admin = world.cluster.kubeconfig_path();
    let mut loaded = Vec::new();
    for (verb, name) in [(Verb::Apply, "apply"), (Verb::Create, "create")] {
        let namespace = format!("loader-{name}-{count}");
        world.create_namespace(&namespace).await?;
        let bodies = Arc::new(applications::bodies(&namespace, count));
        loaded.push(loader::load(&admin, verb, bodies).await?);
        rest::settle(world).await?;
    }
    let synced = Synced::open(world, operator, &format!("apps-{count}")).await?;
    rest::settle(world).await?;
    operator.forget_peak()?;
    let before = operator.usage()?;
    let files = applications::files(count);
    // One application was there from the beginning.
    let sync = synced.sync(operator, files.get(OBJECTS..).unwrap_or_default()).await?;
    let usage = operator.usage()?;
    let cpu = usage.cpu - before.cpu;
    let (apply, create) = (loaded[0], loaded[1]);
    eprintln!("    loader {apply:.1?}, GitSync {:.1?}: {}", sync.applied, sync.requests.told());
    Ok((Applied { apply, create, sync, cpu, usage }, synced))
}

/// kubectl with the same objects, in a namespace of its own: seconds, and seconds of CPU.
async fn beside(world: &World, count: usize) -> Result<(f64, f64)> {
    eprintln!("  kubectl with {count} applications");
    let namespace = format!("kubectl-{count}");
    world.create_namespace(&namespace).await?;
    let folder = tempfile::tempdir()?;
    write_files(folder.path(), &applications::files(count))?;
    let path = folder.path().to_string_lossy();
    let took =
        kubectl(&world.cluster, &["apply", "--server-side", "-R", "-n", &namespace, "-f", &path]).await?;
    Ok((took.wall.as_secs_f64(), took.cpu))
}

fn applied_section(count: usize, rounds: &[Applied], kubectl: &[(f64, f64)]) -> Section {
    let of = |value: &dyn Fn(&Applied) -> f64| rounds.iter().map(value).collect::<Vec<f64>>();
    let apply = of(&|round| round.apply.as_secs_f64());
    let create = of(&|round| round.create.as_secs_f64());
    let applied = of(&|round| round.sync.applied.as_secs_f64());
    let objects = as_number((count - 1) * OBJECTS);
    let per_object = of(&|round| as_number(round.sync.requests.without_watches().count()) / objects);
    let told = rounds.last().map(|round| round.sync.requests.without_watches().told());
    let figures = vec![
        Figure::new("raw loader, server-side apply", "s", apply.clone()),
        Figure::new("raw loader, POST", "s", create.clone()),
        Figure::new("GitSync, commit to last object", "s", applied.clone()),
        Figure::new("  beside the loader's server-side apply", "×", ratios(&applied, &apply)).at_most(1.25),
        Figure::new("  beside the loader's POST", "×", ratios(&applied, &create)),
        Figure::new("GitSync, commit to Ready", "s", of(&|round| round.sync.ready.as_secs_f64())),
        Figure::new("  requests for each changed object", "", per_object)
            .at_most(1.1)
            .remark(told.unwrap_or_default()),
        Figure::new("  CPU of the operator", "s", of(&|round| round.cpu)),
        Figure::new("  peak memory of the operator", "MB", of(&|round| round.usage.peak)),
        Figure::new(
            "kubectl apply --server-side -R -f",
            "s",
            kubectl.iter().map(|(wall, _)| *wall).collect(),
        ),
        Figure::new("  CPU of kubectl", "s", kubectl.iter().map(|(_, cpu)| *cpu).collect()),
    ];
    Section { title: format!("{count} applications of {OBJECTS} objects"), figures }
}

/// What is measured on an API server that has all applications.
async fn afterwards(
    world: &World,
    mut operator: Operator,
    synced: &Synced<'_>,
    size: Size,
) -> Result<Vec<Section>> {
    eprintln!("  {} commits", size.commits);
    let mut times = Vec::new();
    for commit in 0..size.commits {
        let number = commit * (size.many / size.commits);
        let time = synced.change_one(&operator, number, &format!("commit-{commit}")).await?;
        times.push(time.as_secs_f64() * 1000.0);
    }
    synced.set_interval("30s").await?;
    rest::settle(world).await?;
    eprintln!("  {:?} at rest", size.rest);
    let rested = rest::watch(world, &operator, size.rest).await?;
    eprintln!("  restart");
    let mut restarts = Vec::new();
    for number in 0..size.restarts {
        let restarted = rest::restart(world, operator, synced, &format!("restart-{number}")).await?;
        eprintln!("    {:.2?}: {}", restarted.acted, restarted.written.told());
        restarts.push((restarted.acted, restarted.written.clone(), restarted.peak));
        let Restart { operator: again, .. } = restarted;
        operator = again;
    }
    let commits = commit_section(size, &times);
    Ok(vec![commits, rest_section(size, &rested), restart_section(size, &restarts)])
}

fn commit_section(size: Size, times: &[f64]) -> Section {
    let title = format!("One commit among {} applications, with a webhook", size.many);
    let commits = size.commits;
    let figures = vec![
        Figure::new(format!("commit to changed, p50 of {commits}"), "ms", vec![percentile(times, 50)])
            .at_most(120.0),
        Figure::new(format!("commit to changed, p99 of {commits}"), "ms", vec![percentile(times, 99)])
            .at_most(300.0),
    ];
    Section { title, figures }
}

fn rest_section(size: Size, rested: &Rest) -> Section {
    let Rest { requests, core, memory } = rested;
    let writes = requests.all_writes();
    let others = requests.without_watches();
    let figures = vec![
        Figure::new("writes", "", vec![as_number(writes.count())]).at_most(0.0).remark(writes.told()),
        Figure::new("requests that are no watches", "", vec![as_number(others.count())])
            .remark(others.told()),
        Figure::new("renewed watches", "", vec![as_number(requests.count() - others.count())]),
        Figure::new("CPU of the operator", "% of a core", vec![*core]).at_most(0.5),
        Figure::new("memory of the operator", "MB", vec![*memory]).at_most(40.0),
    ];
    let seconds = size.rest.as_secs();
    Section { title: format!("{seconds} s at rest with {} applications", size.many), figures }
}

fn restart_section(size: Size, restarts: &[(Duration, crate::requests::Requests, f64)]) -> Section {
    let acted = restarts.iter().map(|(acted, ..)| acted.as_secs_f64()).collect();
    // One write to the object that changed, and what the status says of it.
    let needless = restarts.iter().map(|(_, written, _)| as_number(written.writes().count()) - 1.0).collect();
    let told = restarts.last().map(|(_, written, _)| written.told()).unwrap_or_default();
    let figures = vec![
        Figure::new("start of the process to the first correct change", "s", acted).at_most(2.0),
        Figure::new("needless writes", "", needless).at_most(0.0).remark(told),
        Figure::new("peak memory", "MB", restarts.iter().map(|(_, _, peak)| *peak).collect()),
    ];
    Section { title: format!("Killed and started again with {} objects", size.many * OBJECTS), figures }
}

/// Counts here are far below what a float holds exactly.
pub fn as_number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
