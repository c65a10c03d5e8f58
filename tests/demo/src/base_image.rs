//! The image every service of the demo stands on, and the stores: Debian made by mmdebstrap, no Dockerfile.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use slipway_cluster::{Cache, Progress};
use slipway_images::{Execution, Image, Layer, LayerBuilder, Registry};

use crate::layer_cache::LayerCache;
use crate::sources::Sources;

/// Repository of the base image.
pub const BASE: &str = "slipway-demo-base";

const SUITE: &str = "bookworm";

/// Layers of the base and of the stores, from the cache or made now.
pub struct BaseLayers {
    debian: Layer,
    dynalite: Layer,
}

impl BaseLayers {
    /// Takes minutes the first time, and the network: Debian's packages and npm's.
    pub fn prepare(sources: &Sources) -> Result<Self> {
        let cache = LayerCache::open()?;
        let recipe = sources.image("base");
        let packages = list(&recipe.join("packages"))?;
        let excluded = list(&recipe.join("excluded"))?;
        let ingredients = format!("{SUITE}\n{packages:?}\n{excluded:?}");
        let debian = cache.get_or_make("base", ingredients.as_bytes(), |scratch| {
            make_debian(&packages, &excluded, scratch)
        })?;
        let recipe = sources.image("dynalite");
        let ingredients =
            [fs::read(recipe.join("package-lock.json"))?, fs::read(recipe.join("start.js"))?].concat();
        let dynalite =
            cache.get_or_make("dynalite", &ingredients, |scratch| make_dynalite(&recipe, scratch))?;
        Ok(Self { debian, dynalite })
    }

    /// Pushes the base, `redis:7` and `dynalite:3`. Returns the reference of the base.
    pub async fn push(&self, registry: &Registry, address: &str) -> Result<String> {
        let tag: String = self.debian.digest.trim_start_matches("sha256:").chars().take(12).collect();
        let text = format!("{address}/{BASE}:{tag}");
        let base = Registry::reference(&text)?;
        if registry.digest(&base).await?.is_none() {
            registry.push(&Image::from_scratch(vec![self.debian.clone()], &execution())?, &base).await?;
        }
        let inherited = registry.inherit(&base).await?;
        for (store, layers) in [("redis:7", vec![]), ("dynalite:3", vec![self.dynalite.clone()])] {
            let image = Image::on(inherited.clone(), layers, &Execution::default())?;
            registry.push(&image, &Registry::reference(&format!("{address}/{store}"))?).await?;
        }
        Ok(text)
    }
}

fn execution() -> Execution {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    Execution { environment: vec![format!("PATH={path}"), "LANG=C.UTF-8".to_owned()], ..Execution::default() }
}

/// Words of a file, one a line; `#` begins a remark.
fn list(file: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

fn make_debian(packages: &[String], excluded: &[String], scratch: &Path) -> Result<Layer> {
    eprintln!(
        "  making the base image of the demo from {} Debian packages: about 2 min, once",
        packages.len()
    );
    let tool = Cache::open()?.debian_package("mmdebstrap", Progress::Lines)?.join("usr/bin");
    let archive = scratch.join("base.tar");
    let mut command = Command::new("perl");
    command.arg(tool.join("mmdebstrap")).args(["--variant=minbase", "--mode=root", "--skip=output/dev"]);
    command.args(excluded.iter().map(|pattern| format!("--dpkgopt=path-exclude={pattern}")));
    command.arg("--aptopt=Apt::Install-Recommends \"false\"");
    command.arg(format!("--include={}", packages.join(","))).arg(SUITE).arg(&archive);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", tool.display())).env("TMPDIR", scratch);
    run(&mut command, "mmdebstrap")?;
    Ok(Layer::from_tar(&mut File::open(archive)?)?)
}

fn make_dynalite(recipe: &Path, scratch: &Path) -> Result<Layer> {
    eprintln!("  fetching the DynamoDB stand-in with npm: once");
    for file in ["package.json", "package-lock.json", "start.js"] {
        fs::copy(recipe.join(file), scratch.join(file))?;
    }
    let mut command = Command::new("npm");
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(scratch);
    run(&mut command, "npm")?;
    Ok(LayerBuilder::new().copy_tree(scratch, "/opt/dynalite")?.build()?)
}

fn run(command: &mut Command, name: &str) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {name}; is it installed?"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(15).collect();
    bail!("{name} failed ({}):\n{}", output.status, last.into_iter().rev().collect::<Vec<_>>().join("\n"))
}
