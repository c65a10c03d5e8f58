//! The image of one commit of one service: the base and one layer with the service's files.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use git2::{Oid, build::CheckoutBuilder};
use slipway_images::{Credentials, Execution, Image, LayerBuilder, Registry};
use slipway_plan::manifest::{self, Manifest};
use slipway_plan::service_name::ServiceName;
use tempfile::TempDir;

use crate::fat_base::FatBase;
use crate::repository::Repository;
use crate::store_images::StoreImages;

/// Builds images of commits and pushes them to one registry.
#[derive(Clone)]
pub struct ServiceImages {
    registry: Registry,
    address: String,
    base: String,
}

/// An image that is in the registry now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Its name with the commit as tag.
    pub reference: String,
    /// Its digest.
    pub digest: String,
}

impl ServiceImages {
    /// `address` is the registry as this process reaches it, without encryption; `base` the image to build on, there.
    pub fn new(address: &str, base: &str) -> Self {
        let registry = Registry::new(vec![address.to_owned()], Credentials::Anonymous);
        Self { registry, address: address.to_owned(), base: base.to_owned() }
    }

    /// Pushes the base of the services that are built.
    pub(crate) async fn push_fat_base(&self, base: &FatBase) -> Result<String> {
        base.push(&self.registry, &self.address, &self.base).await
    }

    /// Pushes the images of further stores beside those of the services.
    pub(crate) async fn push_stores(&self, stores: &StoreImages) -> Result<()> {
        stores.push(&self.registry, &self.address, &self.base).await
    }

    /// The base as another name of the same registry has it.
    pub fn base_at(&self, registry: &str) -> String {
        self.base.replacen(&self.address, registry, 1)
    }

    /// Builds and pushes the image of a commit; one that exists is left as it is. None when the manifest names no image.
    pub async fn build(&self, repository: &Repository, service: &str, commit: &str) -> Result<Option<Built>> {
        let checkout = TempDir::new()?;
        check_out(repository, commit, checkout.path())?;
        let manifest = read_manifest(service, checkout.path())?;
        let Some(reference) = manifest.image_at(&self.address, commit) else { return Ok(None) };
        let target = Registry::reference(&reference)?;
        if let Some(digest) = self.registry.digest(&target).await? {
            return Ok(Some(Built { reference, digest }));
        }
        let mount = manifest.run.mount.unwrap_or_else(|| format!("/srv/{service}"));
        make(checkout.path())?;
        let layer = LayerBuilder::new().copy_tree(checkout.path(), &mount)?.build()?;
        let base = self.registry.inherit(&Registry::reference(&self.base)?).await?;
        let execution = Execution { working_directory: Some(mount), ..Execution::default() };
        let digest = self.registry.push(&Image::on(base, vec![layer], &execution)?, &target).await?;
        Ok(Some(Built { reference, digest }))
    }
}

fn check_out(repository: &Repository, commit: &str, into: &Path) -> Result<()> {
    let git = repository.git()?;
    let commit = git.find_commit(Oid::from_str(commit)?)?;
    let mut options = CheckoutBuilder::new();
    options.target_dir(into).force().update_index(false);
    git.checkout_tree(commit.as_object(), Some(&mut options)).context("cannot check the commit out")
}

fn read_manifest(service: &str, checkout: &Path) -> Result<Manifest> {
    let name = ServiceName::parse(service)?;
    let bytes = std::fs::read(checkout.join(manifest::FILE))
        .with_context(|| format!("this commit has no {}", manifest::FILE))?;
    Ok(manifest::parse(&name, &bytes)?)
}

/// Runs `make build` where the Makefile has such a target, without what git sets for its hooks.
fn make(checkout: &Path) -> Result<()> {
    let makefile = std::fs::read_to_string(checkout.join("Makefile")).unwrap_or_default();
    if !makefile.lines().any(|line| line.starts_with("build:")) {
        return Ok(());
    }
    let mut command = Command::new("make");
    command.args(["-s", "build"]).current_dir(checkout).env("GOTOOLCHAIN", "local").env("GOPROXY", "off");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_QUARANTINE_PATH"] {
        command.env_remove(variable);
    }
    let output = command.output().context("cannot start make; is it installed?")?;
    if output.status.success() {
        return Ok(());
    }
    bail!("make build failed:\n{}", String::from_utf8_lossy(&output.stderr).trim_end())
}
