//! Mistakes in files harm nothing and are named with their place.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use serde_json::json;
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{DevEnvironment, GitSync};
use slipway_demo::Change;
use slipway_e2e::answer::until_told;
use slipway_e2e::environment::{condition, is_down_because, namespace};
use slipway_e2e::waiting::until;
use slipway_e2e::yard::SYNC;
use slipway_e2e::{Layout, Story, World, Yard, pods, yard};

const BRANCH: &str = "story-broken";
const MANIFEST: &str = "name: ats\nimage: \"{registry}/ats:{commit}\"\nrun:\n  ports: [80]\n  health: {http: /services/ping}\n  mount: /srv/ats\n  command: exec lua5.4 server.lua\n";

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "broken: a manifest with a mistake on trunk harms nothing and is named with its place",
            run: |world| manifest(world).boxed_local(),
        },
        Story {
            name: "broken: a fleet file with a mistake is named with its place, the others apply",
            run: |world| fleet_file(world).boxed_local(),
        },
    ]
}

async fn manifest(world: &World) -> Result<()> {
    world.demo.commit("ats", BRANCH, &[Change::write("manifest.yaml", MANIFEST)]).await?;
    let layout = Layout::of(&["ats", "eta"]).trunk("ats", BRANCH);
    let file = yard::environment("calm", &json!({"services": ["ats", "eta"]}));
    let yard = Yard::open(world, "broken", &layout, &[file]).await?;
    let environment = yard.ready("calm").await?;
    let namespace = namespace(&environment)?;
    let crew = pods::crew(yard.client(), &namespace).await?;

    let mistake = MANIFEST.replace("mount:", "mounted:");
    let broken = world.demo.commit("ats", BRANCH, &[Change::write("manifest.yaml", mistake)]).await?.commit;
    let told = |found: &DevEnvironment| is_down_because(found, "InvalidManifest");
    let found = yard.until("calm", "says that the manifest is broken", told).await?;
    let message = &condition(&found, conditions::READY).context("no condition Ready")?.message;
    for part in ["ats", &broken[..8], "manifest.yaml:6:3", "mounted"] {
        ensure!(message.contains(part), "{part:?} is not in {message:?}");
    }
    ensure!(pods::crew(yard.client(), &namespace).await? == crew, "pods changed");
    until_told(world, &found, "ats", "/places", "harbour").await?;

    let mended = Change::write("manifest.yaml", format!("# mended\n{MANIFEST}"));
    let mended = world.demo.commit("ats", BRANCH, &[mended]).await?;
    yard.ready_with("calm", "ats", &mended.commit).await.map(drop)
}

async fn fleet_file(world: &World) -> Result<()> {
    let yard = Yard::open(world, "typo", &Layout::of(&["eta"]), &[]).await?;
    let typo = "apiVersion: slipway.dev/v1alpha1\nkind: DevEnvironment\nmetadata:\n  name: typo\nspec:\n  servces: [eta]\n";
    let good = yard::environment("good", &json!({"services": ["eta"]}));
    yard.push(&[Change::write("environments/typo.yaml", typo), good]).await?;
    let told = |found: &GitSync| {
        let status = found.status.as_ref();
        let stalled = status.and_then(|status| conditions::find(&status.conditions, conditions::STALLED));
        stalled.is_some_and(|stalled| stalled.message.contains("environments/typo.yaml:6:3"))
    };
    until(&yard.syncs(), SYNC, "it names environments/typo.yaml:6:3", told).await?;
    yard.ready("good").await?;
    ensure!(yard.environments().get_opt("typo").await?.is_none(), "half a file was applied");
    Ok(())
}
