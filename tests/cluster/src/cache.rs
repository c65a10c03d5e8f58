//! The programs of a node, kept below `~/.cache/slipway` so that a machine makes them once.

mod assets;
mod debian;
mod go;
mod salt;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::options::Mode;
use crate::progress::Progress;

use assets::Asset;

pub(crate) use go::Program;

/// The folder with everything that outlives a cluster.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    /// What a user has of the programs that would be built.
    assets: Vec<Asset>,
}

impl Cache {
    /// Opens (and makes) the cache of the current user.
    pub fn open() -> Result<Self> {
        let home = std::env::var_os("HOME").ok_or_else(|| Error::Options {
            reason: "HOME is not set, so there is no cache folder; set HOME".into(),
        })?;
        let root = Path::new(&home).join(".cache/slipway");
        for folder in ["bin", "go", "debian", "clusters"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        }
        Ok(Self { root, assets: assets::gather() })
    }

    /// Makes what `mode` needs and the cache lacks. Callers side by side wait for each other.
    pub fn prepare(&self, mode: Mode, progress: Progress) -> Result<()> {
        let _alone = self.lock()?;
        let packages = match mode {
            Mode::Full => debian::NODE,
            Mode::Fast => &[],
        };
        assets::tell(&self.assets, progress);
        debian::unpack_missing(self, packages, progress)?;
        go::build_missing(self, Program::needed(mode), progress)
    }

    /// The root folder of a Debian package unpacked into the cache, downloaded when it is not there yet.
    pub fn debian_package(&self, name: &str, progress: Progress) -> Result<PathBuf> {
        let _alone = self.lock()?;
        debian::unpack_missing(self, &[name], progress)?;
        Ok(self.debian().join(name))
    }

    /// A folder with the program `salt-call` for this version of Python, such as `3.11`, fetched from PyPI when it is not
    /// there yet.
    pub fn salt(&self, python: &str, progress: Progress) -> Result<PathBuf> {
        let _alone = self.lock()?;
        salt::make_missing(self, python, progress)
    }

    /// Says of what [`Self::salt`] is made: the same text, the same files.
    pub fn salt_key(python: &str) -> String {
        salt::key(python)
    }

    /// Whether a later [`Self::prepare`] has nothing to do.
    pub fn is_ready(&self, mode: Mode) -> bool {
        Program::needed(mode).iter().all(|program| self.program(*program).exists())
            && (mode == Mode::Fast || debian::NODE.iter().all(|name| debian::is_unpacked(self, name)))
    }

    /// Where a program is, or will be when it is built.
    pub(crate) fn program(&self, program: Program) -> PathBuf {
        let own = self.assets.iter().find(|asset| asset.program == program).and_then(Asset::taken);
        own.cloned().unwrap_or_else(|| self.root.join("bin").join(program.file_name()))
    }

    /// kubectl of the cluster's version.
    pub fn kubectl(&self) -> PathBuf {
        self.program(Program::Kubectl)
    }

    /// kubectl of the cluster's version, built when it is not there yet: a cluster without pods does not need it.
    pub fn built_kubectl(&self, progress: Progress) -> Result<PathBuf> {
        let _alone = self.lock()?;
        go::build_missing(self, &[Program::Kubectl], progress)?;
        Ok(self.kubectl())
    }

    /// Helm, built when it is not there yet: no cluster needs it.
    pub fn helm(&self, progress: Progress) -> Result<PathBuf> {
        let _alone = self.lock()?;
        go::build_missing(self, &[Program::Helm], progress)?;
        Ok(self.program(Program::Helm))
    }

    /// Makes what carries out network policies, where it is wanted and not there yet.
    pub(crate) fn prepare_policies(&self, progress: Progress) -> Result<()> {
        let _alone = self.lock()?;
        debian::unpack_missing(self, debian::POLICIES, progress)?;
        go::build_missing(self, &[Program::NetworkPolicies], progress)
    }

    /// A program that says what kstatus makes of objects, built when it is not there yet: no cluster needs it.
    pub fn kstatus(&self, progress: Progress) -> Result<PathBuf> {
        let _alone = self.lock()?;
        go::build_missing(self, &[Program::Kstatus], progress)?;
        Ok(self.program(Program::Kstatus))
    }

    /// Where clusters without a data directory of their own have theirs.
    pub(crate) fn clusters(&self) -> PathBuf {
        self.root.join("clusters")
    }

    /// Where packages of Debian are unpacked.
    pub(crate) fn debian(&self) -> PathBuf {
        self.root.join("debian")
    }

    /// Folders that exist below the unpacked packages under one of `names`, for PATH and the like.
    pub(crate) fn unpacked(&self, names: &[&str]) -> Vec<PathBuf> {
        let packages = debian::NODE.iter().chain(debian::POLICIES);
        packages
            .flat_map(|package| names.iter().map(move |name| self.debian().join(package).join(name)))
            .filter(|folder| folder.is_dir())
            .collect()
    }

    fn go(&self) -> PathBuf {
        self.root.join("go")
    }

    fn lock(&self) -> Result<File> {
        let path = self.root.join("build.lock");
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        file.lock().map_err(Error::file("lock", &path))?;
        Ok(file)
    }
}

/// The beginning of a digest, for names of what is made of a text.
fn digest(source: &str) -> String {
    let digest = Sha256::digest(source);
    digest.iter().take(4).fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}
