//! Reads the entries of an archive, and believes none of them.

use std::borrow::Cow;
use std::io::{self, Read};

use tar::EntryType;

use super::error::{LayerError, shown};
use super::limits::Limits;
use super::name::{self, OPAQUE, WHITEOUT};
use super::pax::{self, Records};
use super::{Metadata, Special};

/// Bytes of one extended header that are read.
const RECORD_BYTES: u64 = 1 << 20;

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// Checked: relative, without detours. Of a whiteout, the path that is gone.
    pub(super) path: Vec<u8>,
    pub(super) metadata: Metadata,
    pub(super) what: What,
}

/// What an entry says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The path is gone.
    Whiteout,
    /// All that was in the folder at the path is gone.
    Opaque,
    Directory,
    /// A file of this many bytes.
    File(u64),
    Special(Special),
}

/// The entries of an archive, one after the other.
pub(super) struct Entries<'a, R: Read> {
    raw: tar::Entries<'a, R>,
    limits: Limits,
    count: u64,
    bytes: u64,
    last: String,
}

impl<'a, R: Read> Entries<'a, R> {
    pub(super) fn next(&mut self) -> Result<Option<(Entry, tar::Entry<'a, R>)>, LayerError> {
        let mut records = Records::new();
        loop {
            let Some(mut entry) = self.raw.next().transpose().map_err(|error| self.damaged(error))? else {
                return if records.is_empty() { Ok(None) } else { Err(self.damaged(cut())) };
            };
            if entry.header().entry_type() != EntryType::XHeader {
                let read = self.understood(&entry, &records)?;
                return Ok(Some((read, entry)));
            }
            records = extended(&mut entry).map_err(|error| self.damaged(error))?;
        }
    }

    fn understood(&mut self, entry: &tar::Entry<'a, R>, records: &Records) -> Result<Entry, LayerError> {
        let header = entry.header();
        let path = records.get("path").cloned().unwrap_or_else(|| header.path_bytes().into_owned());
        let path = path.strip_suffix(b"/").unwrap_or(&path).to_vec();
        name::check(&path, &self.limits)?;
        let metadata = metadata(header, records).map_err(|error| self.damaged(error))?;
        let link = records.get("linkpath").cloned();
        let link = link.or_else(|| header.link_name_bytes().map(Cow::into_owned)).unwrap_or_default();
        let (path, what) = self.kind(path, header, entry.size(), link)?;
        self.count(&path, &what)?;
        self.last = shown(&path);
        Ok(Entry { path, metadata, what })
    }

    fn kind(
        &self,
        path: Vec<u8>,
        header: &tar::Header,
        size: u64,
        link: Vec<u8>,
    ) -> Result<(Vec<u8>, What), LayerError> {
        let what = match header.entry_type() {
            EntryType::Regular => match whiteout(&path) {
                Some((path, what)) => {
                    // What it is about has a name as well: `.wh...` would be about `..`.
                    name::check_real(&path, &self.limits)?;
                    return Ok((path, what));
                }
                None => What::File(size),
            },
            EntryType::Directory => What::Directory,
            EntryType::Symlink => {
                name::check_target(&path, &link, &self.limits)?;
                What::Special(Special::Symlink(link))
            }
            EntryType::Link => {
                name::check_real(&link, &self.limits)?;
                What::Special(Special::HardLink(link))
            }
            EntryType::Fifo => What::Special(Special::Fifo),
            EntryType::Char => {
                let number = |found: io::Result<Option<u32>>| found.map(Option::unwrap_or_default);
                let major = number(header.device_major()).map_err(|error| self.damaged(error))?;
                let minor = number(header.device_minor()).map_err(|error| self.damaged(error))?;
                What::Special(Special::CharacterDevice { major, minor })
            }
            _ => {
                let (kind, place) = ("of a kind of its own", "an archive of ours");
                return Err(LayerError::Kind { path: shown(&path), kind, place });
            }
        };
        name::check_real(&path, &self.limits)?;
        Ok((path, what))
    }

    fn count(&mut self, path: &[u8], what: &What) -> Result<(), LayerError> {
        self.count += 1;
        let size = if let What::File(size) = what { *size } else { 0 };
        self.bytes = self.bytes.saturating_add(size);
        let caps = [
            (self.count, self.limits.entries, "files of an archive"),
            (size, self.limits.file_bytes, "bytes of one file"),
            (self.bytes, self.limits.bytes, "bytes of all files"),
        ];
        match caps.into_iter().find(|(is, limit, _)| is > limit) {
            Some((_, limit, what)) => Err(LayerError::TooMuch { path: shown(path), what, limit }),
            None => Ok(()),
        }
    }

    fn damaged(&self, source: io::Error) -> LayerError {
        LayerError::Damaged { path: self.last.clone(), source }
    }
}

/// Begins to read.
pub(super) fn entries<R: Read>(
    archive: &mut tar::Archive<R>,
    limits: Limits,
) -> Result<Entries<'_, R>, LayerError> {
    let last = "its beginning".to_owned();
    match archive.entries() {
        Ok(entries) => Ok(Entries { raw: entries.raw(true), limits, count: 0, bytes: 0, last }),
        Err(source) => Err(LayerError::Damaged { path: last, source }),
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends after an extended header")
}

fn extended<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Records> {
    if entry.size() > RECORD_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an extended header is too large"));
    }
    let mut data = Vec::new();
    entry.read_to_end(&mut data)?;
    pax::parse(&data)
}

fn metadata(header: &tar::Header, records: &Records) -> io::Result<Metadata> {
    let id = |key: &str, short: io::Result<u64>| match records.get(key) {
        Some(text) => str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
        None => short.ok().and_then(|id| u32::try_from(id).ok()),
    };
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "an owner or a time is not a number");
    let attributes = records.iter().filter_map(|(key, value)| {
        key.strip_prefix("SCHILY.xattr.").map(|name| (name.to_owned(), value.clone()))
    });
    Ok(Metadata {
        mode: header.mode()? & 0o7777,
        uid: id("uid", header.uid()).ok_or_else(wrong)?,
        gid: id("gid", header.gid()).ok_or_else(wrong)?,
        mtime: i64::try_from(header.mtime()?).map_err(|_| wrong())?,
        attributes: attributes.collect(),
    })
}

fn whiteout(path: &[u8]) -> Option<(Vec<u8>, What)> {
    let (folder, name) = name::split(path);
    if name == OPAQUE {
        return Some((folder.to_vec(), What::Opaque));
    }
    let gone = name.strip_prefix(WHITEOUT)?;
    Some((name::join(folder, gone), What::Whiteout))
}
