//! The demo's repositories, made at start from the files of the project.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::fleet::DemoFleet;
use crate::repository::{Change, Repository, TRUNK};
use crate::sources::Sources;

/// Name of the repository of the fleet.
pub const FLEET: &str = "fleet";
/// The branch of a service's repository on which it names no image, where the fleet names them.
pub const BUILT: &str = "fat";
/// Name of the ops repository.
pub const OPS: &str = "ops";

/// The repositories of the fleet, of operations and of every service, below one directory.
#[derive(Clone, Debug)]
pub struct Repositories {
    directory: PathBuf,
    services: Vec<String>,
}

impl Repositories {
    /// Makes all of them, with their branches. The same files have the same commits on every machine.
    pub fn create(sources: &Sources, directory: &Path, fleet: DemoFleet) -> Result<Self> {
        let repository = Repository::create(directory, FLEET)?;
        let files = Change::tree(&sources.fleet(fleet))?;
        repository.commit(TRUNK, "The fleet and its demo environment", &files)?;
        let ops = Repository::create(directory, OPS)?;
        ops.commit(TRUNK, "States and pillars", &Change::tree(&sources.ops())?)?;
        let services = sources.services()?;
        for service in &services {
            create_service(sources, directory, fleet, service)?;
        }
        Ok(Self { directory: directory.to_owned(), services })
    }

    /// Names of the services.
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// The repository of a service, of the fleet, or of operations.
    pub fn repository(&self, name: &str) -> Repository {
        Repository::open(&self.directory.join(format!("{name}.git")))
    }

    /// Runs `command` after every push to a service's repository, in the repository, with git's own input.
    pub fn set_hook(&self, command: &str) -> Result<()> {
        for service in &self.services {
            let hooks = self.repository(service).path().join("hooks");
            let hook = hooks.join("post-receive");
            fs::create_dir_all(&hooks)
                .and_then(|()| fs::write(&hook, format!("#!/bin/sh\nexec {command}\n")))
                .and_then(|()| fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)))
                .with_context(|| format!("cannot write {}", hook.display()))?;
        }
        Ok(())
    }
}

/// In the fleet of built services, what the branch [`BUILT`] changes is on the trunk.
fn create_service(sources: &Sources, directory: &Path, fleet: DemoFleet, service: &str) -> Result<()> {
    let repository = Repository::create(directory, service)?;
    let mut trunk = repository.commit(TRUNK, "First version", &Change::tree(&sources.service(service))?)?;
    let mut branches = sources.branches(service)?;
    let built = branches.iter().position(|(branch, _)| fleet == DemoFleet::Built && branch == BUILT);
    if let Some(built) = built {
        let (_, files) = branches.remove(built);
        trunk = repository.commit(TRUNK, "An image without a Dockerfile", &Change::tree(&files)?)?;
    }
    for (branch, files) in branches {
        let message = format!("What {branch} changes");
        repository.commit_on(Some(&trunk), &branch, &message, &Change::tree(&files)?)?;
    }
    Ok(())
}
