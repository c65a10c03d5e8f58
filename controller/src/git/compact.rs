//! Keeps a mirror quick: each fetch adds a pack, and every object is looked for in all of them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

/// Puts all objects into one pack when there are more than `most` packs. The caller holds the mirror's lock. Objects that no
/// branch contains any more are kept: a revision stays applied after its branch is gone.
pub(super) fn compact(repository: &Repository, most: usize) -> Result<(), git2::Error> {
    let folder = repository.path().join("objects/pack");
    let packs = packs(&folder);
    if packs.len() <= most {
        return Ok(());
    }
    let mut objects = Vec::new();
    repository.odb()?.foreach(|id| {
        objects.push(*id);
        true
    })?;
    let mut builder = repository.packbuilder()?;
    for id in objects {
        builder.insert_object(id, None)?;
    }
    builder.write(&folder, 0)?;
    let name = format!("pack-{}", builder.name()?.unwrap_or_default());
    packs.iter().filter(|pack| pack.file_stem() != Some(OsStr::new(&name))).for_each(|pack| remove(pack));
    Ok(())
}

fn packs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension() == Some(OsStr::new("pack"))).collect()
}

// One that cannot be removed is in the way of nobody. Readers that have it open go on reading it.
fn remove(pack: &Path) {
    for path in [pack.with_extension("idx"), pack.to_owned()] {
        let _ = fs::remove_file(path);
    }
}
