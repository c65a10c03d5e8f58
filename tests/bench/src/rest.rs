//! What the operator does when nothing has to be done, and when it starts again.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::applications;
use crate::git_sync::Synced;
use crate::operator::Operator;
use crate::requests::{OPERATOR, Requests};
use crate::world::World;

/// How long nothing must have been written by anybody before things count as at rest.
const QUIET: Duration = Duration::from_secs(5);
/// Controllers of Kubernetes itself are given so long to come to rest.
const PATIENCE: Duration = Duration::from_mins(5);

/// What a time at rest cost.
pub struct Rest {
    /// What was asked of the API server.
    pub requests: Requests,
    /// Share of a core, in percent.
    pub core: f64,
    /// Megabytes at its end.
    pub memory: f64,
}

/// Waits until nobody writes any more: neither the operator nor the controllers of Kubernetes.
pub async fn settle(world: &World) -> Result<()> {
    let begun = Instant::now();
    let mut mark = world.audit.mark()?;
    loop {
        tokio::time::sleep(QUIET).await;
        let now = world.audit.mark()?;
        if now == mark || begun.elapsed() > PATIENCE {
            return Ok(());
        }
        mark = now;
    }
}

/// Looks on for so long.
pub async fn watch(world: &World, operator: &Operator, time: Duration) -> Result<Rest> {
    let mark = world.audit.mark()?;
    let before = operator.usage()?;
    let begun = Instant::now();
    tokio::time::sleep(time).await;
    let after = operator.usage()?;
    let core = (after.cpu - before.cpu) / begun.elapsed().as_secs_f64() * 100.0;
    let requests = Requests::since(&world.audit, mark, OPERATOR)?;
    Ok(Rest { requests, core, memory: after.resident })
}

/// A start after a kill.
pub struct Restart {
    /// From the start of the process to the change that was committed meanwhile.
    pub acted: Duration,
    /// What was written after the start.
    pub written: Requests,
    /// The most megabytes it had.
    pub peak: f64,
    /// The operator that runs now.
    pub operator: Operator,
}

/// Kills the operator, commits one change, and starts it again.
pub async fn restart(world: &World, operator: Operator, synced: &Synced<'_>, value: &str) -> Result<Restart> {
    drop(operator);
    let commit = synced.commit(&[applications::changed(0, value)]).await?;
    let seen = synced.watch_change(0, value);
    settle(world).await?;
    let mark = world.audit.mark()?;
    let begun = Instant::now();
    let operator = world.operator().await?;
    let acted = seen.await??.duration_since(begun);
    synced.until_ready(&commit).await?;
    settle(world).await?;
    let written = Requests::since(&world.audit, mark, OPERATOR)?.all_writes();
    Ok(Restart { acted, written, peak: operator.usage()?.peak, operator })
}
