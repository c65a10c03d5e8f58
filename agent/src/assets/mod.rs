//! Assets: what is built apart from the rest of an image, only when its sources changed, and copied in.
//!
//! ```text
//! before the fetch   the operator says what the commit has; outputs that it has no longer go
//! after provisioning sources and output as the image says? ─yes─► kept
//!                    └─no─► a folder with the inputs alone ─command─► output ─► the service's repository
//! ```

mod error;
mod place;
mod standing;

use std::time::{Duration, Instant};

use crate::order::{Folders, Sources};
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

/// The assets of the wanted commit, and those that are there.
#[derive(Debug)]
pub struct Assets<'a> {
    folders: &'a Folders,
    from: &'a Sources,
    identity: &'a Identity,
    wanted: Vec<Asset>,
    standing: Standing,
}

impl<'a> Assets<'a> {
    /// Asks for those of the wanted commit, when it has `any`. What is there counts when it is of this service.
    pub fn ask(
        identity: &'a Identity,
        from: &'a Sources,
        folders: &'a Folders,
        any: bool,
        is_of_service: bool,
    ) -> Result<Self, AssetError> {
        let wanted = if any { sources::assets(from, &identity.service_sha)? } else { Vec::new() };
        let standing = if is_of_service { Standing::read(folders) } else { Standing::default() };
        Ok(Self { folders, from, identity, wanted, standing })
    }

    /// Whether the commit has none.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Removes outputs that the commit does not declare. Before the fetch: it may have files of its own there.
    pub fn clear(&mut self) -> Result<(), AssetError> {
        let is_wanted = |output: &str| self.wanted.iter().any(|asset| asset.output == output);
        let gone: Vec<String> = self.standing.0.keys().filter(|output| !is_wanted(output)).cloned().collect();
        for output in gone {
            place::remove(&place::inside(&self.folders.service, &output)?)?;
            self.standing.0.remove(&output);
        }
        Ok(())
    }

    /// Builds what has to be built, within this time in all, and notes it. `records` has each, also the one that failed.
    pub fn bring(&mut self, limit: Duration, records: &mut Vec<AssetRecord>) -> Result<(), AssetError> {
        let until = Instant::now() + limit;
        for at in 0..self.wanted.len() {
            self.one(at, until, records)?;
        }
        self.standing.write(self.folders)
    }

    fn one(&mut self, at: usize, until: Instant, records: &mut Vec<AssetRecord>) -> Result<(), AssetError> {
        let Some(asset) = self.wanted.get(at) else { return Ok(()) };
        let begun = Instant::now();
        let found = place::seen(&place::inside(&self.folders.service, &asset.output)?)?;
        let found = found.map(|tree| tree.digest());
        let outdated = self.standing.outdated(asset, found.as_deref());
        let mut record = AssetRecord {
            output: asset.output.clone(),
            built: outdated.is_some(),
            why: outdated.unwrap_or(KEPT).to_owned(),
            ..AssetRecord::default()
        };
        let left = until.saturating_duration_since(begun);
        let done = if record.built { self.build(at, asset, left, &mut record).map(Some) } else { Ok(None) };
        record.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        eprintln!("slipway-agent: the asset {} is {}", record.output, told(&record));
        records.push(record);
        if let Some(content) = done? {
            let made = Made { sources: asset.sources.clone(), content };
            self.standing.0.insert(asset.output.clone(), made);
        }
        Ok(())
    }

    /// Builds one where nothing but its inputs is, so that none can be forgotten, and copies it. Returns its digest.
    fn build(
        &self,
        at: usize,
        asset: &Asset,
        limit: Duration,
        record: &mut AssetRecord,
    ) -> Result<String, AssetError> {
        let work = self.folders.scratch.join(WORK);
        place::remove(&work)?;
        sources::inputs(self.from, &self.identity.service_sha, at, &work)?;
        let mut environment = vec![("SERVICE".to_owned(), self.identity.service.clone())];
        environment.extend(provision::reproducible(EPOCH));
        let words = ["/bin/sh", "-c", &asset.command].map(str::to_owned).into();
        let invocation = Invocation { words, folder: work.clone(), environment, keeps_output: false };
        let ended = provision::command(&invocation, limit)?;
        end_of(&ended.log).clone_into(&mut record.log);
        if let Some(reason) = provision::failure("its command", &ended, limit) {
            return Err(AssetError::Failed { output: asset.output.clone(), reason });
        }
        let content = place::copy(&asset.output, &work, &self.folders.service)?;
        place::remove(&work)?;
        Ok(content)
    }
}

fn end_of(log: &str) -> &str {
    let start = log.ceil_char_boundary(log.len().saturating_sub(LOG_BYTES));
    log.get(start..).unwrap_or_default()
}

fn told(record: &AssetRecord) -> String {
    format!("{}: {}", if record.built { "to be built" } else { "kept" }, record.why)
}
