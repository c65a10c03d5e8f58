//! Assets: what is built apart from the rest of an image, only when its sources changed, and copied in.
//!
//! ```text
//! before the fetch   the operator says what the commit has; outputs that it has no longer go
//! after provisioning sources and output as the image says? ─yes─► kept
//!                    ├─in an older image they are─► taken from there
//!                    └─no─► a folder with the inputs alone ─command─► output ─► the service's repository
//! ```

mod error;
mod place;
mod standing;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::converge::Wanted;
use crate::order::Folders;
use crate::provision::{self, Invocation};
use crate::sources;
use crate::{Asset, AssetRecord, Identity};
pub use error::AssetError;
pub use standing::{Made, Standing};

/// Folder in the scratch folder in which commands run.
const WORK: &str = "asset";
/// Bytes of what one command wrote that a record has.
const LOG_BYTES: usize = 4 * 1024;
/// What commands are told of the time: nothing of an asset may depend on when, or at which commit, it was built.
const EPOCH: i64 = 315_532_800;
const KEPT: &str = "none of its sources changed";
const TAKEN: &str = "none of its sources changed: it is that of an older image";

/// The assets of the wanted commit, and those that are there.
#[derive(Debug)]
pub struct Assets<'a> {
    wanted: &'a Wanted<'a>,
    declared: Vec<Asset>,
    standing: Standing,
}

impl<'a> Assets<'a> {
    /// Asks for those of the wanted commit. What is there counts when the image is of this service.
    pub fn ask(wanted: &'a Wanted<'a>, image: Option<&Identity>) -> Result<Self, AssetError> {
        let (sources, identity) = (wanted.sources, wanted.identity);
        let declared =
            if wanted.assets { sources::assets(sources, &identity.service_sha)? } else { Vec::new() };
        let is_of_service = image.is_some_and(|image| image.service == identity.service);
        let file = standing::place(wanted.folders);
        let standing = if is_of_service { Standing::read(&file) } else { Standing::default() };
        Ok(Self { wanted, declared, standing })
    }

    /// Whether the commit has none.
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    /// Removes outputs that the commit does not declare. Before the fetch: it may have files of its own there.
    pub fn clear(&mut self) -> Result<(), AssetError> {
        let is_wanted = |output: &str| self.declared.iter().any(|asset| asset.output == output);
        let gone: Vec<String> = self.standing.0.keys().filter(|output| !is_wanted(output)).cloned().collect();
        for output in gone {
            place::remove(&place::inside(&self.wanted.folders.service, &output)?)?;
            self.standing.0.remove(&output);
        }
        Ok(())
    }

    /// Builds what has to be built, within this time in all, and notes it. `records` has each, also the one that failed.
    pub fn bring(&mut self, limit: Duration, records: &mut Vec<AssetRecord>) -> Result<(), AssetError> {
        let until = Instant::now() + limit;
        for at in 0..self.declared.len() {
            self.one(at, until, records)?;
        }
        self.standing.write(&standing::place(self.wanted.folders))
    }

    fn one(&mut self, at: usize, until: Instant, records: &mut Vec<AssetRecord>) -> Result<(), AssetError> {
        let Some(asset) = self.declared.get(at) else { return Ok(()) };
        let begun = Instant::now();
        let mut record = AssetRecord { output: asset.output.clone(), ..AssetRecord::default() };
        let done = self.content(at, asset, until, &mut record);
        record.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        eprintln!("slipway-agent: the asset {} is {}", record.output, told(&record));
        records.push(record);
        let made = Made { sources: asset.sources.clone(), content: done? };
        self.standing.0.insert(asset.output.clone(), made);
        Ok(())
    }

    /// The digest of the output, once it is what it has to be.
    fn content(
        &self,
        at: usize,
        asset: &Asset,
        until: Instant,
        record: &mut AssetRecord,
    ) -> Result<String, AssetError> {
        let service = &self.wanted.folders.service;
        let (outdated, found) = look(&self.standing, asset, service)?;
        if let (None, Some(content)) = (outdated, found) {
            KEPT.clone_into(&mut record.why);
            return Ok(content);
        }
        if let Some(kept) = self.wanted.kept
            && look(&Standing::read(&kept.join(standing::FILE)), asset, kept)?.0.is_none()
        {
            TAKEN.clone_into(&mut record.why);
            return place::copy(&asset.output, kept, service);
        }
        record.built = true;
        outdated.unwrap_or_default().clone_into(&mut record.why);
        self.build(at, asset, until.saturating_duration_since(Instant::now()), record)
    }

    /// Builds one where nothing but its inputs is, so that none can be forgotten, and copies it. Returns its digest.
    fn build(
        &self,
        at: usize,
        asset: &Asset,
        limit: Duration,
        record: &mut AssetRecord,
    ) -> Result<String, AssetError> {
        let work = self.wanted.folders.scratch.join(WORK);
        let identity = self.wanted.identity;
        place::remove(&work)?;
        sources::inputs(self.wanted.sources, &identity.service_sha, at, &work)?;
        let mut environment = vec![("SERVICE".to_owned(), identity.service.clone())];
        environment.extend(provision::reproducible(EPOCH));
        let words = ["/bin/sh", "-c", &asset.command].map(str::to_owned).into();
        let invocation = Invocation { words, folder: work.clone(), environment, keeps_output: false };
        let ended = provision::command(&invocation, limit)?;
        end_of(&ended.log).clone_into(&mut record.log);
        if let Some(reason) = provision::failure("its command", &ended, limit) {
            return Err(AssetError::Failed { output: asset.output.clone(), reason });
        }
        let content = place::copy(&asset.output, &work, &self.wanted.folders.service)?;
        place::remove(&work)?;
        Ok(content)
    }
}

/// Copies the assets of an image to a volume. What cannot be copied is built again: it is told, and no failure.
pub fn keep(folders: &Folders, to: &Path) {
    let mut standing = Standing::read(&standing::place(folders));
    standing.0.retain(|output, made| match place::copy(output, &folders.service, to) {
        Ok(content) => content == made.content,
        Err(error) => {
            eprintln!("slipway-agent: the asset {output} is not kept: {error}");
            false
        }
    });
    if let Err(error) = standing.write(&to.join(standing::FILE)) {
        eprintln!("slipway-agent: no asset is kept: {error}");
    }
}

/// Why what is in this tree is not the asset, and the digest of what is there.
fn look(
    standing: &Standing,
    asset: &Asset,
    tree: &Path,
) -> Result<(Option<&'static str>, Option<String>), AssetError> {
    let found = place::seen(&place::inside(tree, &asset.output)?)?.map(|tree| tree.digest());
    Ok((standing.outdated(asset, found.as_deref()), found))
}

fn end_of(log: &str) -> &str {
    let start = log.ceil_char_boundary(log.len().saturating_sub(LOG_BYTES));
    log.get(start..).unwrap_or_default()
}

fn told(record: &AssetRecord) -> String {
    format!("{}: {}", if record.built { "to be built" } else { "kept" }, record.why)
}
