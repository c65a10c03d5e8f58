//! A layer in a file that somebody else wrote, of any size: it is read twice and never kept in memory.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;
use std::sync::Arc;

use slipway_agent::layer::{Checked, Limits, check};
use slipway_agent::plain_file;

use crate::ImageError;

/// A layer in a file that is held open, and what it is by its bytes.
#[derive(Clone, Debug)]
pub struct LayerFile {
    file: Arc<File>,
    checked: Checked,
}

impl LayerFile {
    /// Reads the file to its end. A link or a pipe is refused, and so is what no layer may hold.
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        let unreadable = |source| ImageError::ReadFile { path: path.to_owned(), source };
        let file = plain_file::open(path).map_err(unreadable)?;
        let checked = check(&file, Limits::default())
            .map_err(|source| ImageError::RefusedLayer { path: path.to_owned(), source })?;
        Ok(Self { file: Arc::new(file), checked })
    }

    /// What it was when it was read. Whoever takes the bytes has to compare.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The file from its beginning. One at a time reads it.
    pub(crate) fn reader(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}
