//! From a pushed line of code to an answer over HTTP.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::Change;
use slipway_e2e::answer::until_told;
use slipway_e2e::environment::{namespace, runs};
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};

const BRANCH: &str = "story-push";

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "push: a changed line of code is seen over HTTP in the environment",
            run: |world| line(world).boxed_local(),
        },
        Story {
            name: "push: until the image exists the old pod answers and status names the image",
            run: |world| late_image(world).boxed_local(),
        },
    ]
}

fn places(name: &str) -> Change {
    Change::write("places.lua", format!("return {{ {name} = {{ x = 1, y = 2 }} }}\n"))
}

async fn answers(world: &World, environment: &DevEnvironment, wanted: &str) -> Result<()> {
    until_told(world, environment, "ats", "/places", wanted).await
}

async fn line(world: &World) -> Result<()> {
    world.demo.commit("ats", BRANCH, &[places("mountain")]).await?;
    let layout = Layout::of(&["ats"]).trunk("ats", BRANCH);
    let first = yard::environment("change", &json!({"services": ["ats"]}));
    let yard = Yard::open(world, "push", &layout, &[first]).await?;
    answers(world, &yard.ready("change").await?, "mountain").await?;

    let pushed = world.demo.commit("ats", BRANCH, &[places("valley")]).await?;
    ensure!(pushed.said.contains("image registry.slipway.test:5000/ats:"), "no image: {}", pushed.said);
    let environment = yard.ready_with("change", "ats", &pushed.commit).await?;
    answers(world, &environment, "valley").await
}

/// A commit that came past the hook has no image.
async fn late_image(world: &World) -> Result<()> {
    let branch = "story-late-image";
    let first = world.demo.commit("ats", branch, &[places("desert")]).await?;
    let layout = Layout::of(&["ats"]).trunk("ats", branch);
    let file = yard::environment("late", &json!({"services": ["ats"]}));
    let yard = Yard::open(world, "late-image", &layout, &[file]).await?;
    let environment = yard.ready_with("late", "ats", &first.commit).await?;
    let namespace = namespace(&environment)?;
    let before = pods::crew(yard.client(), &namespace).await?;

    let repository = world.demo.repositories().repository("ats");
    let commit = repository.commit(branch, "Past the hook", &[places("oasis")])?;
    let image = format!("registry.slipway.test:5000/ats:{commit}");
    let names_image = |found: &DevEnvironment| {
        let waits = found.status.iter().flat_map(|status| &status.blocked_by);
        let mut waits = waits.filter(|wait| wait.reason == "ImageNotFound");
        runs(found, "ats", &commit) && waits.any(|wait| wait.message.contains(&image))
    };
    let waiting = yard.until("late", &format!("names {image}"), names_image).await?;
    ensure!(pods::crew(yard.client(), &namespace).await? == before, "the old pod does not stay");
    answers(world, &waiting, "desert").await?;

    let hook = format!(
        "cd '{}' && echo '{} {commit} refs/heads/{branch}' | hooks/post-receive",
        repository.path().display(),
        first.commit
    );
    let built = world.demo.cluster().exec_inside(&["sh", "-c", &hook]).await?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let environment = yard.ready_with("late", "ats", &commit).await?;
    answers(world, &environment, "oasis").await
}
