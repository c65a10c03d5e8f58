//! Stories on real parts: one cluster with the demo on it, and what people and accidents do to it.
//!
//! `cargo test -p slipway-e2e --test stories -- drift state` tells only the stories whose names contain one of the words.

mod assets;
mod broken;
mod commit;
mod crash;
mod deletion;
mod drift;
mod fat;
mod hand;
mod integration;
mod life;
mod mishaps;
mod pipeline;
mod push;
mod rest;
mod state;
mod stores;
mod switch;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use slipway_e2e::{Story, World, tell};

/// As many environments as two cores start in reasonable time.
const AT_ONCE: usize = 5;

/// Stories that leave the operator alone, the longest first.
fn peaceful() -> Vec<Story> {
    [
        stores::stories(),
        fat::stories(),
        mishaps::stories(),
        assets::stories(),
        integration::stories(),
        life::stories(),
        state::stories(),
        drift::stories(),
        pipeline::stories(),
    ]
    .into_iter()
    .chain([
        rest::preparations(),
        push::stories(),
        broken::stories(),
        switch::stories(),
        hand::stories(),
        commit::stories(),
    ])
    .flatten()
    .collect()
}

/// Stories that kill or stop it.
fn violent() -> Vec<Story> {
    [crash::stories(), deletion::stories()].concat()
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |story: &Story| words.is_empty() || words.iter().any(|word| story.name.contains(word));
    let rounds = [(peaceful(), AT_ONCE), (violent(), AT_ONCE), (rest::stories(), 1)];
    let rounds =
        rounds.map(|(stories, at_once)| (stories.into_iter().filter(wanted).collect::<Vec<_>>(), at_once));
    if rounds.iter().all(|(stories, _)| stories.is_empty()) {
        println!("no story is told");
        return Ok(ExitCode::SUCCESS);
    }
    if rounds.iter().any(|(round, _)| round.iter().any(|story| story.name.starts_with("stores:"))) {
        stores::prepare().await?;
    }
    if rounds.iter().any(|(round, _)| round.iter().any(|story| story.name.starts_with("fat:"))) {
        slipway_e2e::fat::prepare().await?;
    }
    let begun = Instant::now();
    let world = Box::pin(World::start()).await?;
    println!("the demo started in {:.1} s", begun.elapsed().as_secs_f64());
    let mut failed = Vec::new();
    for (stories, at_once) in rounds {
        failed.extend(tell(&world, &stories, at_once).await);
    }
    if !failed.is_empty() {
        println!("the operator's last lines:\n{}", world.operator.last_lines().await);
    }
    world.demo.stop().await?;
    println!("all took {:.1} s", begun.elapsed().as_secs_f64());
    for name in &failed {
        println!("FAILED: {name}");
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
