//! What an image says of its assets: a file beside the one that says what it was built from.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::AssetError;
use crate::Asset;
use crate::order::Folders;

/// Name of the file.
pub const FILE: &str = "assets.json";

/// The assets of an image, by their output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing(pub BTreeMap<String, Made>);

/// One asset of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What it was built from: [`Asset::sources`].
    pub sources: String,
    /// Digest of what its command left.
    pub content: String,
}

impl Standing {
    /// What the file says. One that cannot be understood says nothing: then all is built.
    pub fn read(path: &Path) -> Self {
        let read = fs::read(path).and_then(|text| serde_json::from_slice(&text).map_err(io::Error::from));
        match read {
            Ok(standing) => standing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => {
                eprintln!("slipway-agent: {} says nothing of assets: {error}", path.display());
                Self::default()
            }
        }
    }

    /// Writes the file; without assets there is none.
    pub fn write(&self, path: &Path) -> Result<(), AssetError> {
        if self.0.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(AssetError::system("remove", path)(error))
                }
                _ => Ok(()),
            };
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let text = serde_json::to_vec(self).map_err(io::Error::from);
        let written = text.and_then(|text| fs::create_dir_all(folder).and_then(|()| fs::write(path, text)));
        written.map_err(AssetError::system("write", path))
    }

    /// Why the asset has to be built; none when the output that is there, with this digest, is what it is.
    pub fn outdated(&self, asset: &Asset, found: Option<&str>) -> Option<&'static str> {
        match (self.0.get(&asset.output), found) {
            (None, _) => Some("the image that this one starts from has it not"),
            (Some(made), _) if made.sources != asset.sources => Some("its sources or its command changed"),
            (Some(_), None) => Some("its output is gone"),
            (Some(made), Some(found)) if made.content != found => {
                Some("its output is not what its command left")
            }
            (Some(_), Some(_)) => None,
        }
    }
}

/// Where the file is in an image.
pub fn place(folders: &Folders) -> PathBuf {
    folders.image.with_file_name(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(sources: &str) -> Asset {
        let [command, output, sources] = ["make", "public", sources].map(str::to_owned);
        Asset { command, output, sources }
    }

    #[test]
    fn it_is_kept_exactly_when_its_sources_and_its_output_are_the_same() {
        let made = Made { sources: "a".to_owned(), content: "x".to_owned() };
        let standing = Standing([("public".to_owned(), made)].into());
        assert_eq!(standing.outdated(&asset("a"), Some("x")), None);
        assert_eq!(standing.outdated(&asset("b"), Some("x")), Some("its sources or its command changed"));
        assert_eq!(standing.outdated(&asset("a"), None), Some("its output is gone"));
        assert_eq!(
            standing.outdated(&asset("a"), Some("y")),
            Some("its output is not what its command left")
        );
        let other = Asset { output: "docs".to_owned(), ..asset("a") };
        assert_eq!(standing.outdated(&other, None), Some("the image that this one starts from has it not"));
    }
}
