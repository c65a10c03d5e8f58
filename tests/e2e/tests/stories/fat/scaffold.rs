//! `slipway build new_service_X`.

use anyhow::{Result, ensure};
use serde_json::json;
use slipway_crds::v1alpha1::ServiceRepo;
use slipway_demo::{Change, TRUNK};
use slipway_e2e::answer::until_told;
use slipway_e2e::cli::Slipway;
use slipway_e2e::fat;
use slipway_e2e::waiting::until;
use slipway_e2e::yard::{Layout, Yard};
use slipway_e2e::{World, yard};

const NEW: &str = "greeter";
const OPS: &str = "story-fat-new-ops";

pub async fn built_at_once(world: &World) -> Result<()> {
    fat::push_base(world).await?;
    for repository in [NEW, OPS] {
        world.create_repository(repository)?;
    }
    let layout = Layout::of(&[]).fleet_file(&fat::fleet(OPS));
    let slipway = Slipway::new(world, "story-fat-new")?;
    let url = format!("http://git.slipway.test/{NEW}.git");
    let scaffold = format!("new_service_{NEW}");
    slipway.ends_with(0, &["build", &scaffold, "--repository", &url]).await?;

    let made = |folder: &str| Change::tree(&slipway.folder().join(folder));
    world.demo.commit(NEW, TRUNK, &made(NEW)?).await?;
    world.demo.commit(OPS, TRUNK, &made("ops")?).await?;
    let yard = Yard::open(world, "fat-new", &layout, &[]).await?;
    yard.push(&made("fleet")?).await?;
    let is_read =
        |found: &ServiceRepo| found.status.as_ref().is_some_and(|status| status.trunk_commit.is_some());
    until(&yard.within(yard.namespace()), NEW, "its repository is read", is_read).await?;

    let built = slipway.ends_with(0, &["build", NEW, "--watch"]).await?;
    ensure!(built.printed.contains("the unit tests passed"), "{}", built.printed);
    yard.push(&[yard::environment("one", &json!({"services": [NEW]}))]).await?;
    let ready = yard.ready("one").await?;
    until_told(world, &ready, NEW, "/", "hello from greeter").await
}
