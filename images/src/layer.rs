//! One layer of an image: a tar archive whose bytes depend on nothing but the files in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oci_client::manifest::{IMAGE_LAYER_GZIP_MEDIA_TYPE, OciDescriptor};
use slipway_agent::layer::{Compressed, LayerError, LayerWriter, Limits, Metadata, Sealed, Special, sha256};

use crate::{ImageError, LayerFile};

/// A finished layer: gzip-compressed bytes and the two digests an image needs of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the compressed bytes: the name of the blob. `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Digest of the archive before compression: its name in the image's configuration.
    pub diff_id: String,
    /// The compressed archive.
    pub bytes: Vec<u8>,
}

impl Layer {
    /// Takes a tar archive as it is, such as one that mmdebstrap wrote.
    pub fn from_tar(archive: &mut impl Read) -> io::Result<Self> {
        let mut compressed = Compressed::new(Vec::new());
        io::copy(archive, &mut compressed)?;
        compressed.finish().map(Self::from)
    }

    /// Puts a layer together again that was kept on disk; `diff_id` must be the one it was made with.
    pub fn from_gzip(bytes: Vec<u8>, diff_id: String) -> Self {
        Self { digest: sha256(&bytes), diff_id, bytes }
    }
}

/// A layer that goes into an image: one that was made here, or a file that somebody else wrote.
#[derive(Clone, Debug)]
pub enum ImageLayer {
    /// In memory.
    Made(Layer),
    /// In a file.
    Found(LayerFile),
}

impl From<Layer> for ImageLayer {
    fn from(layer: Layer) -> Self {
        Self::Made(layer)
    }
}

impl From<LayerFile> for ImageLayer {
    fn from(file: LayerFile) -> Self {
        Self::Found(file)
    }
}

impl ImageLayer {
    pub(crate) fn diff_id(&self) -> &str {
        match self {
            Self::Made(layer) => &layer.diff_id,
            Self::Found(file) => &file.checked().diff_id,
        }
    }

    pub(crate) fn descriptor(&self) -> OciDescriptor {
        let (digest, size) = match self {
            Self::Made(layer) => (&layer.digest, layer.bytes.len() as u64),
            Self::Found(file) => (&file.checked().digest, file.checked().size),
        };
        OciDescriptor {
            media_type: IMAGE_LAYER_GZIP_MEDIA_TYPE.to_owned(),
            digest: digest.clone(),
            size: i64::try_from(size).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        }
    }
}

impl From<Sealed<Vec<u8>>> for Layer {
    fn from(sealed: Sealed<Vec<u8>>) -> Self {
        Self { digest: sealed.digest, diff_id: sealed.diff_id, bytes: sealed.inner }
    }
}

/// Collects the files of a layer. Paths are absolute inside the image; directories above a file are added.
#[derive(Clone, Debug, Default)]
pub struct LayerBuilder {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    Directory { mode: u32 },
    File { mode: u32, content: Vec<u8> },
    Link { target: String },
}

impl LayerBuilder {
    /// A layer without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. `mode` is the permission bits, for example `0o644`.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        self.insert(path, Entry::File { mode, content: content.into() });
        self
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(mut self, path: &str, mode: u32) -> Self {
        self.insert(path, Entry::Directory { mode });
        self
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.insert(path, Entry::Link { target: target.to_owned() });
        self
    }

    /// Adds the file at `source` on this machine, links followed, with its executable bit.
    pub fn copy_file(mut self, source: &Path, path: &str) -> Result<Self, ImageError> {
        let read = |error| ImageError::ReadFile { path: source.to_owned(), source: error };
        let content = fs::read(source).map_err(read)?;
        let mode = executable_or_plain(fs::metadata(source).map_err(read)?.permissions().mode());
        self.insert(path, Entry::File { mode, content });
        Ok(self)
    }

    /// Adds everything below the directory `source` on this machine as `path`. Links stay links;
    /// of the permissions only the executable bit counts; sockets and devices are left out.
    pub fn copy_tree(mut self, source: &Path, path: &str) -> Result<Self, ImageError> {
        let read = |error| ImageError::ReadFile { path: source.to_owned(), source: error };
        self.insert(path, Entry::Directory { mode: 0o755 });
        for entry in fs::read_dir(source).map_err(read)? {
            let entry = entry.map_err(read)?;
            let inside = format!("{path}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(read)?;
            if kind.is_dir() {
                self = self.copy_tree(&entry.path(), &inside)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).map_err(read)?;
                self = self.link(&inside, &target.to_string_lossy());
            } else if kind.is_file() {
                self = self.copy_file(&entry.path(), &inside)?;
            }
        }
        Ok(self)
    }

    /// Writes the archive: sorted, owned by root, without times.
    pub fn build(self) -> Result<Layer, ImageError> {
        let mut archive = LayerWriter::new(Vec::new(), Limits::default());
        for (path, entry) in &self.entries {
            append(&mut archive, path, entry)
                .map_err(|source| ImageError::WriteLayer { path: path.clone(), source })?;
        }
        let end = |source| ImageError::WriteLayer { path: "the end of the archive".to_owned(), source };
        archive.finish().map(Layer::from).map_err(end)
    }

    fn insert(&mut self, path: &str, entry: Entry) {
        let path = path.trim_matches('/');
        for (end, _) in path.match_indices('/') {
            let above = path.get(..end).unwrap_or_default().to_owned();
            self.entries.entry(above).or_insert(Entry::Directory { mode: 0o755 });
        }
        self.entries.insert(path.to_owned(), entry);
    }
}

/// Other bits depend on the umask of whoever checked the files out.
fn executable_or_plain(mode: u32) -> u32 {
    if mode & 0o100 == 0 { 0o644 } else { 0o755 }
}

fn append<W: Write>(archive: &mut LayerWriter<W>, path: &str, entry: &Entry) -> Result<(), LayerError> {
    let meta = |mode: u32| Metadata { mode, ..Metadata::default() };
    let path = path.as_bytes();
    match entry {
        Entry::Directory { mode } => archive.directory(path, &meta(*mode)),
        Entry::File { mode, content } => {
            archive.file(path, &meta(*mode), content.len() as u64, content.as_slice())
        }
        Entry::Link { target } => {
            archive.special(path, &meta(0o777), &Special::Symlink(target.clone().into_bytes()))
        }
    }
}
