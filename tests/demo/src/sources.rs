//! The files in `manifests/demo` that repositories and images are made from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::fleet::DemoFleet;

/// The demo's files in the project.
#[derive(Clone, Debug)]
pub struct Sources {
    root: PathBuf,
}

impl Sources {
    /// Those of the checkout this program was built from.
    pub fn of_this_checkout() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/demo");
        let root = root.canonicalize().with_context(|| {
            format!("{} is gone; run the demo from the checkout it was built in", root.display())
        })?;
        Ok(Self { root })
    }

    /// Names of the services.
    pub fn services(&self) -> Result<Vec<String>> {
        names(&self.root.join("services"))
    }

    /// Files of a service on its trunk.
    pub fn service(&self, service: &str) -> PathBuf {
        self.root.join("services").join(service)
    }

    /// Branches of a service beside its trunk, each with the directory of the files that differ.
    pub fn branches(&self, service: &str) -> Result<Vec<(String, PathBuf)>> {
        let directory = self.root.join("branches").join(service);
        if !directory.is_dir() {
            return Ok(Vec::new());
        }
        Ok(names(&directory)?.into_iter().map(|branch| (branch.clone(), directory.join(branch))).collect())
    }

    /// Files of the repository of a fleet.
    pub fn fleet(&self, fleet: DemoFleet) -> PathBuf {
        self.root.join(fleet.folder())
    }

    /// Files of the ops repository.
    pub fn ops(&self) -> PathBuf {
        self.root.join("ops")
    }

    /// Files that an image is made of.
    pub fn image(&self, name: &str) -> PathBuf {
        self.root.join("images").join(name)
    }
}

fn names(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
