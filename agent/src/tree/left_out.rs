//! What a run of config management leaves behind that is no part of an image.

use crate::layer::LayerError;

/// Folders whose content is not looked at. Programs expect these folders, and those in them, to be there; what is in
/// them differs from run to run, and would give every build another digest.
const CONTENT: [&str; 8] =
    ["dev", "proc", "root/.cache", "sys", "tmp", "var/cache/salt", "var/lib/slipway/scratch", "var/tmp"];
/// Folders of which the folders are kept, for daemons do not start without theirs, and nothing else.
const FILES: [&str; 4] = ["run", "var/cache", "var/lib/apt/lists", "var/log"];

/// What is left out of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    content: Vec<Vec<u8>>,
    files: Vec<Vec<u8>>,
}

impl Default for LeftOut {
    fn default() -> Self {
        let paths = |list: &[&str]| list.iter().map(|path| path.as_bytes().to_vec()).collect();
        Self { content: paths(&CONTENT), files: paths(&FILES) }
    }
}

impl LeftOut {
    /// Nothing is left out.
    pub fn nothing() -> Self {
        Self { content: Vec::new(), files: Vec::new() }
    }

    /// The content of these folders too. They are absolute, as people write them. Example: `/srv/www/.venv/cache`.
    pub fn and(mut self, folders: &[String]) -> Result<Self, LayerError> {
        for folder in folders {
            match folder.strip_prefix('/').map(|path| path.trim_end_matches('/')) {
                Some(path) if !path.is_empty() => self.content.push(path.as_bytes().to_vec()),
                _ => {
                    let why = "what is left out is written as an absolute path below /";
                    return Err(LayerError::Name { path: folder.clone(), why });
                }
            }
        }
        Ok(self)
    }

    /// Whether nothing in this folder is looked at.
    pub(super) fn skips_content(&self, folder: &[u8]) -> bool {
        self.content.iter().any(|path| path == folder)
    }

    /// Whether of what is in this folder, or deeper, only folders count.
    pub(super) fn skips_files(&self, folder: &[u8]) -> bool {
        self.files.iter().any(|path| is_at_or_below(folder, path))
    }
}

/// Whether the path is this folder, or in it.
pub(super) fn is_at_or_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_left_out_and_their_folders_are_not() {
        let left_out = LeftOut::default();
        assert!(left_out.skips_files(b"var/log/nginx") && !left_out.skips_content(b"var/log/nginx"));
        assert!(left_out.skips_content(b"tmp") && !left_out.skips_content(b"tmpfiles"));
        assert!(!left_out.skips_files(b"var/logs"));
    }

    #[test]
    fn what_else_is_left_out_is_an_absolute_path() {
        let left_out = LeftOut::default().and(&["/srv/www/cache/".to_owned()]).unwrap();
        assert!(left_out.skips_content(b"srv/www/cache"));
        for wrong in ["srv", "/", ""] {
            assert!(LeftOut::default().and(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }
}
