//! Brings the files of a container to the wanted commits: a build does it, and so does the start of an older image.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::assets::{AssetError, Assets};
use crate::delta::Delta;
use crate::order::{Folders, Provisioning, Sources};
use crate::provision::{self, Context, ProvisionError};
use crate::sources::{self, SourcesError};
use crate::{AssetRecord, BuildProgress, Fault, Identity, ProvisionRecord, StepRecord, plain_file};

/// What is wanted, and how to get there.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The commits.
    pub identity: &'a Identity,
    /// Where a difference comes from.
    pub sources: &'a Sources,
    /// Where things are.
    pub folders: &'a Folders,
    /// What is run.
    pub provisioner: &'a Provisioning,
    /// Whether the commit has assets.
    pub assets: bool,
    /// The assets of an older image.
    pub kept: Option<&'a Path>,
    /// Time of the newer commit, in seconds since 1970.
    pub newest: i64,
}

/// What was said on the way, also when it went wrong.
#[derive(Debug, Default)]
pub struct Said {
    /// By the provisioner.
    pub provision: Option<ProvisionRecord>,
    /// Of each asset.
    pub assets: Vec<AssetRecord>,
}

/// The files are not what they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvergeError {
    /// A repository could not be got.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// The provisioner could not be run.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The provisioner ran and failed; its record says more.
    #[error("provisioning failed: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
    /// An asset is not there.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// The image's own file.
    #[error("cannot {action} {path}, in which an image says what it was built from")]
    Image {
        /// `read`, `understand` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ConvergeError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Sources(error) => error.fault(),
            Self::Asset(error) => error.fault(),
            Self::Provision(_) | Self::Failed { .. } => Fault::Commits,
            Self::Image { .. } => Fault::Surroundings,
        }
    }
}

/// The steps that were taken, with their times.
#[derive(Debug, Default)]
pub struct Steps {
    /// Those that are done.
    pub done: Vec<StepRecord>,
    /// Where is written what runs, as a [`BuildProgress`]; none writes nothing.
    pub progress: Option<PathBuf>,
}

impl Steps {
    /// Takes a step and its time, however it ends.
    pub fn take<T>(&mut self, name: &str, step: impl FnOnce() -> T) -> T {
        self.tell(name);
        let begun = Instant::now();
        let result = step();
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.done.push(StepRecord { name: name.to_owned(), milliseconds });
        result
    }

    /// What is told is of use to others only; the steps are taken without.
    fn tell(&self, name: &str) {
        let Some(path) = &self.progress else { return };
        let progress = BuildProgress { step: Some(name.to_owned()), steps: self.done.clone() };
        let written = serde_json::to_vec(&progress).map_err(io::Error::from);
        if let Err(error) = written.and_then(|text| plain_file::replace(path, &text)) {
            eprintln!("slipway-agent: cannot write {}: {error}", path.display());
        }
    }
}

/// What the image says it was built from; none when it says nothing.
pub fn image(folders: &Folders) -> Result<Option<Identity>, ConvergeError> {
    let path = &folders.image;
    let failed = |action, source| ConvergeError::Image { action, path: path.clone(), source };
    match fs::read(path) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(identity) => Ok(Some(identity)),
            Err(error) => Err(failed("understand", error.into())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", error)),
    }
}

/// Fetches what is missing, provisions, builds the assets whose sources changed, and notes in the image's file what it is
/// now. `said` is filled also when it fails.
pub fn converge(
    wanted: &Wanted<'_>,
    image: Option<&Identity>,
    steps: &mut Steps,
    said: &mut Said,
) -> Result<(), ConvergeError> {
    let mut assets = steps.take("fetch", || fetch(wanted, image))?;
    let context = Context { identity: wanted.identity, folders: wanted.folders, newest: wanted.newest };
    let record = steps.take("provision", || provision::provision(wanted.provisioner, &context))?;
    let (reason, took) = (record.error.clone(), Duration::from_millis(record.milliseconds));
    said.provision = Some(record);
    if let Some(reason) = reason {
        return Err(ConvergeError::Failed { reason });
    }
    let limit = Duration::from_secs(u64::from(wanted.provisioner.timeout_seconds)).saturating_sub(took);
    if assets.is_empty() {
        assets.bring(limit, &mut said.assets)?;
    } else {
        steps.take("assets", || assets.bring(limit, &mut said.assets))?;
    }
    note(wanted.identity, &wanted.folders.image)
}

fn fetch<'a>(wanted: &'a Wanted<'a>, image: Option<&Identity>) -> Result<Assets<'a>, ConvergeError> {
    let mut assets = Assets::ask(wanted, image)?;
    assets.clear()?;
    let delta = Delta::between(image, wanted.identity);
    let fetched = sources::fetch(&delta, wanted.sources, wanted.folders)?;
    eprintln!("slipway-agent: fetched {} files, {} are gone", fetched.written, fetched.removed);
    Ok(assets)
}

fn note(identity: &Identity, path: &Path) -> Result<(), ConvergeError> {
    let failed = |source| ConvergeError::Image { action: "write", path: path.to_owned(), source };
    let text = serde_json::to_vec(identity).map_err(|error| failed(error.into()))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(failed)
}
