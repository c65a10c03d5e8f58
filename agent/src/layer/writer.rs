//! Writes an archive: the bytes depend on nothing but the entries and their order.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::EntryType;

use super::digest::Hashing;
use super::error::{LayerError, shown};
use super::header::Described;
use super::limits::Limits;
use super::name::{self, OPAQUE, WHITEOUT};
use super::{Metadata, Special};

/// Fixed, for a digest depends on it; 4 is where more time stops to buy much.
const LEVEL: u32 = 4;

/// A gzip stream that knows the digests of what goes in and of what comes out.
pub struct Compressed<W: Write>(Hashing<GzEncoder<Hashing<W>>>);

impl<W: Write> Compressed<W> {
    /// Nothing has been written yet.
    pub fn new(inner: W) -> Self {
        Self(Hashing::new(GzEncoder::new(Hashing::new(inner), Compression::new(LEVEL))))
    }

    /// Ends the stream.
    pub fn finish(self) -> io::Result<Sealed<W>> {
        let (encoder, diff_id, _) = self.0.finish();
        let (inner, digest, size) = encoder.finish()?.finish();
        Ok(Sealed { inner, digest, diff_id, size })
    }
}

impl<W: Write> Write for Compressed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A compressed archive that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed<W> {
    /// Where it was written to.
    pub inner: W,
    /// Digest of the compressed bytes: the name of the blob.
    pub digest: String,
    /// Digest of the archive before compression: its name in an image's configuration.
    pub diff_id: String,
    /// Compressed bytes.
    pub size: u64,
}

/// Writes entries, parents before what is in them. Paths are relative, `/` between their parts.
pub struct LayerWriter<W: Write> {
    archive: tar::Builder<Compressed<W>>,
    limits: Limits,
    entries: u64,
    bytes: u64,
}

impl<W: Write> LayerWriter<W> {
    /// An empty archive.
    pub fn new(inner: W, limits: Limits) -> Self {
        Self { archive: tar::Builder::new(Compressed::new(inner)), limits, entries: 0, bytes: 0 }
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes of files so far, before compression.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a folder.
    pub fn directory(&mut self, path: &[u8], meta: &Metadata) -> Result<(), LayerError> {
        name::check_real(path, &self.limits)?;
        self.put(EntryType::Directory, &[path, b"/"].concat(), meta, b"")
    }

    /// Adds a regular file of exactly `size` bytes.
    pub fn file(
        &mut self,
        path: &[u8],
        meta: &Metadata,
        size: u64,
        content: impl Read,
    ) -> Result<(), LayerError> {
        name::check_real(path, &self.limits)?;
        cap(path, size, self.limits.file_bytes, "bytes of one file")?;
        cap(path, self.bytes.saturating_add(size), self.limits.bytes, "bytes of all files")?;
        self.bytes += size;
        let mut counted = Counted { inner: content.take(size), left: size };
        self.append(&Described::new(EntryType::Regular, path, meta, size, b""), path, &mut counted)?;
        if counted.left > 0 {
            return Err(LayerError::Changed { path: shown(path) });
        }
        Ok(())
    }

    /// Adds a file without content of its own.
    pub fn special(&mut self, path: &[u8], meta: &Metadata, special: &Special) -> Result<(), LayerError> {
        name::check_real(path, &self.limits)?;
        match special {
            Special::Symlink(target) => {
                name::check_target(path, target, &self.limits)?;
                self.put(EntryType::Symlink, path, meta, target)
            }
            Special::HardLink(first) => {
                name::check_real(first, &self.limits)?;
                self.put(EntryType::Link, path, meta, first)
            }
            Special::Fifo => self.put(EntryType::Fifo, path, meta, b""),
            Special::CharacterDevice { major, minor } => self.device(path, meta, *major, *minor),
        }
    }

    /// Says that this path of the layers below is gone.
    pub fn whiteout(&mut self, path: &[u8]) -> Result<(), LayerError> {
        name::check_real(path, &self.limits)?;
        let (folder, name) = name::split(path);
        let marker = name::join(folder, &[WHITEOUT, name].concat());
        self.put(EntryType::Regular, &marker, &Metadata::default(), b"")
    }

    /// Says that nothing that the layers below have in this folder is left.
    pub fn opaque(&mut self, folder: &[u8]) -> Result<(), LayerError> {
        name::check_real(folder, &self.limits)?;
        self.put(EntryType::Regular, &name::join(folder, OPAQUE), &Metadata::default(), b"")
    }

    /// Ends the archive.
    pub fn finish(self) -> Result<Sealed<W>, LayerError> {
        let end = LayerError::system("write", b"the end of the archive");
        self.archive.into_inner().and_then(Compressed::finish).map_err(end)
    }

    fn put(&mut self, kind: EntryType, path: &[u8], meta: &Metadata, to: &[u8]) -> Result<(), LayerError> {
        self.append(&Described::new(kind, path, meta, 0, to), path, io::empty())
    }

    fn device(&mut self, path: &[u8], meta: &Metadata, major: u32, minor: u32) -> Result<(), LayerError> {
        let mut described = Described::new(EntryType::Char, path, meta, 0, b"");
        described
            .header
            .set_device_major(major)
            .and_then(|()| described.header.set_device_minor(minor))
            .map_err(LayerError::system("describe the device", path))?;
        described.header.set_cksum();
        self.append(&described, path, io::empty())
    }

    fn append(&mut self, described: &Described, path: &[u8], content: impl Read) -> Result<(), LayerError> {
        cap(path, self.entries + 1, self.limits.entries, "files of an archive")?;
        let attributes: usize = described.records.iter().map(|(key, value)| key.len() + value.len()).sum();
        let most = self.limits.attribute_bytes + 2 * self.limits.path_bytes;
        cap(path, attributes as u64, most as u64, "bytes of extended attributes")?;
        self.entries += 1;
        let records = described.records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.archive
            .append_pax_extensions(records)
            .and_then(|()| self.archive.append(&described.header, content))
            .map_err(LayerError::system("write into the archive", path))
    }
}

fn cap(path: &[u8], is: u64, limit: u64, what: &'static str) -> Result<(), LayerError> {
    if is > limit { Err(LayerError::TooMuch { path: shown(path), what, limit }) } else { Ok(()) }
}

/// Content of an announced size.
struct Counted<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left -= read as u64;
        Ok(read)
    }
}
