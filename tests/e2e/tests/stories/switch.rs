//! A branch for one service.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};
use slipway_demo::TRUNK;
use slipway_e2e::answer::until_told;
use slipway_e2e::environment::{locked, namespace};
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};

const NAME: &str = "switch";
/// Eight kilometres: 16 minutes on the trunk, 20 on the branch.
const DRIVE: &str = "/eta?from=3,5&to=1,-1";

pub fn stories() -> Vec<Story> {
    vec![Story {
        name: "switch: a branch of one service swaps its pod and no other, there and back",
        run: |world| there_and_back(world).boxed_local(),
    }]
}

fn spec(branches: &Value) -> Value {
    json!({"services": ["dispatch"], "branches": branches})
}

async fn there_and_back(world: &World) -> Result<()> {
    let file = yard::environment(NAME, &spec(&json!({})));
    let yard = Yard::open(world, NAME, &Layout::of(&["dispatch", "eta"]), &[file]).await?;
    let environment = yard.ready(NAME).await?;
    until_told(world, &environment, "eta", DRIVE, "16").await?;

    let branch = yard.head("eta", "fix-eta")?;
    swap(&yard, &json!({"eta": "fix-eta"}), &branch, "branch fix-eta").await?;
    until_told(world, &environment, "eta", DRIVE, "20").await?;

    let trunk = yard.head("eta", TRUNK)?;
    swap(&yard, &json!({}), &trunk, "trunk main").await?;
    until_told(world, &environment, "eta", DRIVE, "16").await
}

/// Commits other branches and looks whose pods and addresses changed.
async fn swap(yard: &Yard<'_>, branches: &Value, commit: &str, why: &str) -> Result<()> {
    let before = yard.environments().get(NAME).await?;
    let namespace = namespace(&before)?;
    let crew = pods::crew(yard.client(), &namespace).await?;
    yard.push(&[yard::environment(NAME, &spec(branches))]).await?;
    let after = yard.ready_with(NAME, "eta", commit).await?;
    let told = locked(&after, "eta").map(|locked| locked.why.as_str());
    ensure!(told == Some(why), "status says why: {told:?}");
    let new_crew = pods::crew(yard.client(), &namespace).await?;
    let changed = pods::changed(&crew, &new_crew);
    ensure!(changed == ["eta"], "the pods of {changed:?} changed: {crew:?} {new_crew:?}");
    for service in ["local", "dispatch", "eta"] {
        let address = |found| locked(found, service).and_then(|locked| locked.address.clone());
        ensure!(address(&before).is_some() && address(&before) == address(&after), "{service} moved");
    }
    Ok(())
}
