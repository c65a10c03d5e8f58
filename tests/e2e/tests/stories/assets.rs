//! Assets of a service that is built: built when their sources change, and only then.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use serde_json::json;
use slipway_crds::v1alpha1::{BuildOutcome, BuiltAsset, DevEnvironment, ServiceBuildStatus};
use slipway_demo::{Change, Pushed};
use slipway_e2e::fat::{FatYard, SERVICE, places};
use slipway_e2e::{Story, World, yard};

/// The service, as the demo builds it.
const MANIFEST: &str = include_str!("../../../../manifests/demo/branches/ats/fat/manifest.yaml");
/// Each run of the command leaves another number.
const ASSETS: &str = "\
assets:
- command: mkdir public; tr a-z A-Z < art/logo > public/logo; od -An -N8 -tx8 /dev/urandom > public/run
  inputs: [art/**]
  output: public
";

pub fn stories() -> Vec<Story> {
    vec![Story {
        name: "fat: an asset is built when its sources change, and only then",
        run: |world| told_apart(world).boxed_local(),
    }]
}

fn logo(text: &str) -> Change {
    Change::write("art/logo", format!("{text}\n"))
}

/// What runs at a commit: the asset, and which run of its command left it; and how the image of the commit was built.
struct At {
    logo: String,
    run: String,
    build: ServiceBuildStatus,
}

impl At {
    async fn of(fat: &FatYard<'_>, pushed: &Pushed) -> Result<Self> {
        let build = fat.built(&pushed.commit).await?;
        ensure!(build.outcome == Some(BuildOutcome::Succeeded), "{}", build.message);
        let image = build.image.as_deref().context("the build has no image")?;
        let runs = |found: &DevEnvironment| {
            let locked = slipway_e2e::environment::locked(found, SERVICE);
            slipway_demo::is_ready(found)
                && locked.is_some_and(|locked| locked.image.as_deref() == Some(image))
        };
        let ready = fat.yard.until("one", &format!("ready with {image}"), runs).await?;
        let read =
            async |file: &str| fat.exec(&ready, &["cat", &format!("/srv/service/public/{file}")]).await;
        Ok(Self { logo: read("logo").await?.trim().to_owned(), run: read("run").await?, build })
    }

    fn asset(&self) -> Result<&BuiltAsset> {
        let [asset] = self.build.assets.as_slice() else {
            anyhow::bail!("its assets are {:?}", self.build.assets)
        };
        Ok(asset)
    }

    /// An error unless the command did not run, for this reason.
    fn is_kept(&self, first: &Self, because: &str) -> Result<()> {
        ensure!((&self.run, self.logo.as_str()) == (&first.run, "HARBOUR"), "the command ran again");
        let asset = self.asset()?;
        ensure!(!asset.built && asset.because == because, "it is told otherwise: {asset:?}");
        ensure!(self.build.times.iter().any(|time| time.name == "Assets"), "it has no time of its own");
        Ok(())
    }
}

async fn told_apart(world: &World) -> Result<()> {
    let fat = FatYard::open_with(world, "fat-assets", &[], "{concurrency: 2, fullEvery: 2}").await?;
    let manifest = Change::write("manifest.yaml", format!("{MANIFEST}{ASSETS}"));
    let first = fat.push(&[manifest, logo("harbour")]).await?;
    fat.yard.push(&[yard::environment("one", &json!({"services": [SERVICE]}))]).await?;
    let first = At::of(&fat, &first).await?;
    ensure!(first.logo == "HARBOUR" && first.asset()?.built, "it was not built: {:?}", first.asset()?);

    let nearby = fat.push(&[places("valley")]).await?;
    let nearby = At::of(&fat, &nearby).await?;
    ensure!(nearby.build.parent.is_some(), "it did not start from the image of an ancestor");
    nearby.is_kept(&first, "none of its sources changed")?;

    let full = fat.push(&[places("lagoon")]).await?;
    let full = At::of(&fat, &full).await?;
    ensure!(full.build.parent.is_none(), "it is no full build, and this proves nothing");
    ensure!(full.build.assets_from == nearby.build.image, "it took assets from elsewhere");
    full.is_kept(&first, "none of its sources changed: it is that of an older image")?;

    let changed = fat.push(&[logo("reef")]).await?;
    let changed = At::of(&fat, &changed).await?;
    ensure!(changed.logo == "REEF" && changed.run != first.run, "the command did not run");
    let asset = changed.asset()?;
    ensure!(asset.built && asset.because == "its sources or its command changed", "{asset:?}");
    Ok(())
}
