//! Layers that take long to make, kept on this machine under what they are made of.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use slipway_images::Layer;
use tempfile::TempDir;

/// After this time without use a layer is dropped when another takes its place.
const UNUSED: Duration = Duration::from_hours(24);

/// `~/.cache/slipway/images`.
#[derive(Clone, Debug)]
pub struct LayerCache {
    directory: PathBuf,
}

impl LayerCache {
    /// Opens it, and makes it when it is not there.
    pub fn open() -> Result<Self> {
        let home = std::env::var_os("HOME").context("HOME is not set, so there is no cache; set HOME")?;
        let directory = Path::new(&home).join(".cache/slipway/images");
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self { directory })
    }

    /// The layer `name` made of `ingredients`: from the cache, or from `make`, which gets an empty directory to work in.
    /// Who comes second waits for the first and takes its layer. Layers of other ingredients are dropped once nobody, such as
    /// another checkout, has used them for a day.
    pub fn get_or_make(
        &self,
        name: &str,
        ingredients: &[u8],
        make: impl FnOnce(&Path) -> Result<Layer>,
    ) -> Result<Layer> {
        let lock = File::create(self.directory.join(format!("{name}.lock")))?;
        lock.lock().context("cannot lock the image cache")?;
        let folder = self.directory.join(format!("{name}-{}", key(ingredients)));
        if !folder.is_dir() {
            let scratch = TempDir::new_in(&self.directory)?;
            let layer = make(scratch.path())?;
            self.drop_others(name)?;
            store(&layer, scratch, &folder)?;
        }
        load(&folder).with_context(|| format!("the cached layer {} is broken; remove it", folder.display()))
    }

    fn drop_others(&self, name: &str) -> Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if file.rsplit_once('-').is_some_and(|(before, _)| before == name) && is_unused(&path)? {
                fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

fn is_unused(folder: &Path) -> Result<bool> {
    let metadata = fs::metadata(folder)?;
    Ok(metadata.is_dir() && metadata.modified()?.elapsed().unwrap_or_default() > UNUSED)
}

fn key(ingredients: &[u8]) -> String {
    let digest = Sha256::digest(ingredients);
    digest.iter().take(8).fold(String::new(), |key, byte| format!("{key}{byte:02x}"))
}

/// The folder appears under its name only once it is complete.
fn store(layer: &Layer, scratch: TempDir, folder: &Path) -> Result<()> {
    let complete = TempDir::new_in(folder.parent().unwrap_or(folder))?;
    fs::write(complete.path().join("layer.tar.gz"), &layer.bytes)?;
    fs::write(complete.path().join("diff-id"), &layer.diff_id)?;
    fs::rename(complete.keep(), folder).with_context(|| format!("cannot make {}", folder.display()))?;
    scratch.close().context("cannot remove the files a layer was made from")
}

fn load(folder: &Path) -> Result<Layer> {
    File::open(folder)?.set_modified(SystemTime::now())?;
    let bytes = fs::read(folder.join("layer.tar.gz"))?;
    Ok(Layer::from_gzip(bytes, fs::read_to_string(folder.join("diff-id"))?))
}
