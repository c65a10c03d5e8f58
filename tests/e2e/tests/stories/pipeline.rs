//! What a CI pipeline calls: `slipway test`.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use kube::ResourceExt;
use kube::api::ListParams;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_demo::{Change, TRUNK};
use slipway_e2e::audit::Audit;
use slipway_e2e::cli::Slipway;
use slipway_e2e::environment::namespaces;
use slipway_e2e::{Layout, Story, World, Yard};

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "pipeline: slipway test ends with 0, answers again from what is stored, and runs again when told",
            run: |world| passes_once(world).boxed_local(),
        },
        Story {
            name: "pipeline: slipway test ends with 1 on the bad branch and names the test",
            run: |world| fails(world).boxed_local(),
        },
        Story {
            name: "pipeline: a commit that was pushed a moment ago is tested, whenever its repository is polled",
            run: |world| just_pushed(world).boxed_local(),
        },
    ]
}

async fn only(yard: &Yard<'_>) -> Result<DevEnvironment> {
    let mut all = yard.environments().list(&ListParams::default()).await?.items;
    ensure!(all.len() == 1, "there are {:?}", all.iter().map(ResourceExt::name_any).collect::<Vec<_>>());
    all.pop().context("none")
}

/// Jobs that were made for an environment, in all its lives.
async fn jobs_made(world: &World, yard: &Yard<'_>) -> Result<usize> {
    let environment = only(yard).await?;
    let mark = format!("env-{}", environment.name_any());
    let writes = Audit::of(world.demo.cluster()).since(0)?;
    let made =
        writes.iter().filter(|write| write.resource == "jobs" && write.verb == "create" && write.code == 201);
    Ok(made.filter(|write| write.namespace.starts_with(&mark)).count())
}

async fn passes_once(world: &World) -> Result<()> {
    let yard = Yard::open(world, "pipeline", &Layout::of(&["dispatch", "eta"]), &[]).await?;
    let slipway = Slipway::new(world, yard.namespace())?;
    let commit = yard.head("dispatch", TRUNK)?;
    let call = ["test", "dispatch", "--commit", &commit, "--wait", "--junit", "results"];
    let ended = slipway.ends_with(0, &call).await?;
    ensure!(ended.printed.contains("passed"), "it does not show progress and log:\n{}", ended.printed);
    let files = slipway.files("results")?;
    ensure!(files.len() == 1 && files[0].1.contains("<testsuite name=\"dispatch\""), "written: {files:?}");
    let first = only(&yard).await?;
    ensure!(jobs_made(world, &yard).await? == 1, "one run is one Job");

    slipway.ends_with(0, &call).await?;
    let second = only(&yard).await?;
    ensure!(second.metadata.generation == first.metadata.generation, "the same call changed the run");
    ensure!(jobs_made(world, &yard).await? == 1, "the same call ran again");

    slipway.ends_with(0, &[&call[..], &["--again"]].concat()).await?;
    ensure!(jobs_made(world, &yard).await? == 2, "--again did not run again");
    Ok(())
}

async fn fails(world: &World) -> Result<()> {
    let yard = Yard::open(world, "pipeline-bad", &Layout::of(&["www", "api", "ats"]), &[]).await?;
    let slipway = Slipway::new(world, yard.namespace())?;
    let commit = yard.head("www", "bad-greeting")?;
    let ended = slipway.ends_with(1, &["test", "www", "--commit", &commit, "--wait"]).await?;
    ensure!(ended.printed.contains("the front page greets"), "the test is not named:\n{}", ended.printed);
    let files = slipway.files("slipway-results")?;
    ensure!(files.iter().any(|(_, text)| text.contains("<failure")), "written: {files:?}");
    let environment = only(&yard).await?;
    let left = namespaces(yard.client(), yard.namespace(), &environment.name_any()).await?;
    ensure!(left.len() <= 1, "there are {left:?}");
    Ok(())
}

/// Repositories are polled once an hour here, and by this name of the git server nobody else polls them.
async fn just_pushed(world: &World) -> Result<()> {
    let layout = Layout::of(&["dispatch", "eta"]).interval("1h").git("http://code.slipway.test");
    let yard = Yard::open(world, "pipeline-new", &layout, &[]).await?;
    let slipway = Slipway::new(world, yard.namespace())?;
    let change = Change::write("lib/Pickup.pm", "package Pickup;\n\nsub minutes { return 2 }\n\n1;\n");
    let commit = world.demo.commit("dispatch", "story-just-pushed", &[change]).await?.commit;
    slipway.ends_with(0, &["test", "dispatch", "--commit", &commit, "--wait"]).await.map(drop)
}
