//! Services that are built: no image of their own, no Dockerfile.

mod failed;
mod live_ops;
mod scaffold;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceBuildSpec};
use slipway_demo::Change;
use slipway_e2e::answer::until_told;
use slipway_e2e::cli::Slipway;
use slipway_e2e::environment::{locked, namespace};
use slipway_e2e::fat::{FatYard, SERVICE, metrics_state, places, prefix};
use slipway_e2e::waiting::{until, until_answered};
use slipway_e2e::{Story, World, pods, yard};
use slipway_plan::environment::resolve::short;

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "fat: a push is built and runs, its daemon beside it, without any Dockerfile",
            run: |world| pushed(world).boxed_local(),
        },
        Story {
            name: "fat: a second environment at the same commits builds nothing",
            run: |world| twice(world).boxed_local(),
        },
        Story {
            name: "fat: a branch of the ops repository arrives as a difference while the image is built behind",
            run: |world| difference(world).boxed_local(),
        },
        Story {
            name: "fat: a broken ops commit leaves every environment running, and a mended one is taken",
            run: |world| broken_ops(world).boxed_local(),
        },
        Story {
            name: "fat: a live edit is served by the real process",
            run: |world| live(world).boxed_local(),
        },
        Story {
            name: "fat: a state that is edited converges at once, and a broken one is named and harms nothing",
            run: |world| live_ops::converges(world).boxed_local(),
        },
        Story {
            name: "fat: an image whose unit tests failed is looked into, and nothing is left of the look",
            run: |world| failed::looked_into(world).boxed_local(),
        },
        Story {
            name: "fat: a new service is built and runs as it was made",
            run: |world| scaffold::built_at_once(world).boxed_local(),
        },
    ]
}

fn environment(name: &str) -> Change {
    yard::environment(name, &json!({"services": [SERVICE]}))
}

async fn answers(world: &World, environment: &DevEnvironment, wanted: &str) -> Result<()> {
    until_told(world, environment, SERVICE, "/places", wanted).await
}

fn image(environment: &DevEnvironment) -> Result<String> {
    let image = locked(environment, SERVICE).and_then(|locked| locked.image.clone());
    image.with_context(|| format!("{SERVICE} has no image"))
}

async fn pushed(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-push", &[environment("one")]).await?;
    let ready = fat.yard.ready("one").await?;
    answers(world, &ready, "harbour").await?;
    fat.is_served_as(&ready, "fleet").await?;

    let pushed = fat.push(&[places("valley")]).await?;
    ensure!(pushed.said.contains("names no image"), "the git server built it: {}", pushed.said);
    let ready = fat.yard.ready_with("one", SERVICE, &pushed.commit).await?;
    answers(world, &ready, "valley").await?;
    fat.is_served_as(&ready, "fleet").await?;
    let told = fat.metrics(&ready).await?;
    ensure!(told.contains(&format!("service_sha=\"{}\"", pushed.commit)), "it is of another commit: {told}");
    let files = fat.exec(&ready, &["sh", "-c", "ls /srv/service; ls /srv/ops/states"]).await?;
    ensure!(!files.contains("Dockerfile"), "there is a Dockerfile: {files}");
    Ok(())
}

async fn twice(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-twice", &[environment("one")]).await?;
    let first = fat.yard.ready("one").await?;
    let builds = fat.builds().await?;
    ensure!(!builds.is_empty(), "nothing was built: this proves nothing");
    fat.yard.push(&[environment("two")]).await?;
    let second = fat.yard.ready("two").await?;
    answers(world, &second, "harbour").await?;
    ensure!(image(&first)? == image(&second)?, "the images differ");
    let after = fat.builds().await?;
    ensure!(builds == after, "there are other builds: {builds:?} {after:?}");
    Ok(())
}

async fn difference(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-difference", &[environment("one")]).await?;
    let before = fat.yard.ready("one").await?;
    fat.is_served_as(&before, "fleet").await?;
    let commit = fat.branch_ops("crew", &[prefix("crew")])?;
    fat.yard.push(&[yard::environment("one", &json!({"services": [SERVICE], "ops": "crew"}))]).await?;
    let at = |found: &DevEnvironment| {
        locked(found, SERVICE).is_some_and(|locked| locked.ops_commit.as_deref() == Some(&commit))
    };
    let after = fat.yard.until("one", &format!("at the ops commit {commit}"), at).await?;
    until_answered("the daemon has its new name", async || fat.is_served_as(&after, "crew").await).await?;
    answers(world, &after, "harbour").await?;
    until_answered("it has arrived as a difference", async || {
        let record = fat.exec(&after, &["cat", "/run/slipway/start.json"]).await?;
        let record: Value = serde_json::from_str(&record)?;
        let steps: Vec<_> =
            record["steps"].as_array().into_iter().flatten().map(|step| &step["name"]).collect();
        ensure!(steps == ["fetch", "provision", "checks"], "it came up otherwise: {record}");
        Ok(())
    })
    .await?;

    let is_of = |build: &ServiceBuildSpec| build.ops_commit.as_deref() == Some(&commit);
    until_answered("the image is built behind", async || {
        let builds = fat.builds().await?;
        ensure!(builds.values().any(is_of), "there are only {builds:?}");
        Ok(())
    })
    .await
}

async fn broken_ops(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-broken", &[environment("one")]).await?;
    let ready = fat.yard.ready("one").await?;
    let good = fat.ops_head()?;
    let crew = pods::crew(fat.yard.client(), &namespace(&ready)?).await?;
    let broken = fat.commit_ops(&[metrics_state(true)])?;

    let fleet = until(&fat.fleets(), "fat", "a service failed with the ops commit", is_stalled).await?;
    let told = fleet.status.map(|status| status.conditions).unwrap_or_default();
    let told = told.iter().map(|condition| condition.message.clone()).collect::<String>();
    for word in [short(&broken), SERVICE, "no-such-file", short(&good)] {
        ensure!(told.contains(word), "it does not name {word}: {told}");
    }
    let slipway = Slipway::new(world, fat.yard.namespace())?;
    let why = slipway.ends_with(0, &["why", SERVICE, "--env", "one"]).await?.printed;
    ensure!(why.contains("not newer") && why.contains("no-such-file"), "why does not tell: {why}");

    fat.yard.push(&[environment("two")]).await?;
    let second = fat.yard.ready("two").await?;
    answers(world, &second, "harbour").await?;
    let ready = fat.yard.ready("one").await?;
    answers(world, &ready, "harbour").await?;
    ensure!(crew == pods::crew(fat.yard.client(), &namespace(&ready)?).await?, "its pods changed");
    ensure!(ops_commit(&second) == Some(&good), "it runs the commit that is held back");

    let mended = fat.commit_ops(&[metrics_state(false), prefix("crew")])?;
    for name in ["one", "two"] {
        let at = |found: &DevEnvironment| ops_commit(found) == Some(&mended);
        let after = fat.yard.until(name, &format!("at the ops commit {mended}"), at).await?;
        until_answered("the daemon has its new name", async || fat.is_served_as(&after, "crew").await)
            .await?;
        answers(world, &after, "harbour").await?;
    }
    let fleet = fat.fleets().get("fat").await?;
    ensure!(!is_stalled(&fleet), "it is held back still: {:?}", fleet.status);
    Ok(())
}

fn ops_commit(environment: &DevEnvironment) -> Option<&String> {
    locked(environment, SERVICE)?.ops_commit.as_ref()
}

fn is_stalled(fleet: &Fleet) -> bool {
    let conditions = fleet.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions::is_true(conditions, conditions::STALLED)
}

async fn live(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-live", &[environment("one")]).await?;
    let ready = fat.yard.ready("one").await?;
    answers(world, &ready, "harbour").await?;
    let slipway = Slipway::new(world, fat.yard.namespace())?;
    let tree = slipway.clone_of(&world.demo.clone_url(SERVICE), "story-fat-live").await?;
    let path = tree.to_string_lossy().into_owned();
    let mut sync = slipway.begin(&["start", SERVICE, "--env", "edited", "--live", &path])?;
    let edited = fat.yard.ready("edited").await?;
    std::fs::write(tree.join("places.lua"), "return { lagoon = { x = 1, y = 2 } }\n")?;
    answers(world, &edited, "lagoon").await?;
    answers(world, &ready, "harbour").await?;
    sync.kill().await?;
    Ok(())
}
