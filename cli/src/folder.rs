//! The manifests of a folder of this machine, as the operator would find them in a commit.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use k8s_openapi::ByteString;
use slipway_plan::gitsync::files;
use slipway_plan::preview::SentFile;
use slipway_plan::yaml::FILE_LIMIT;

use crate::exit::Usage;

/// As many files are read of a commit.
const MOST_FILES: usize = 5_000;
/// As deep are the folders of a commit.
const DEEPEST: usize = 32;
/// What is sent at once, in bytes.
const MOST_BYTES: usize = 10 * 1024 * 1024;

/// The manifests below `path`. It is the root of a clone, of which `below` is read, or the folder `below` itself. Links and nested
/// repositories are not followed.
pub fn read(path: &Path, below: &str) -> anyhow::Result<Vec<SentFile>> {
    let below = below.trim_matches('/');
    let root = if path.join(".git").exists() { path.join(below) } else { path.to_owned() };
    if !root.is_dir() {
        return Err(Usage(format!(
            "{} is no folder: name a clone of the GitSync's repository, or its folder `{below}`",
            root.display()
        ))
        .into());
    }
    let mut found = Vec::new();
    walk(&root, 0, &mut found)?;
    found.sort();
    let mut sent = Vec::new();
    for path in found {
        let inside = path.strip_prefix(&root)?.to_string_lossy().into_owned();
        let name = if below.is_empty() { inside } else { format!("{below}/{inside}") };
        sent.push(file(&path, name)?);
    }
    let bytes: usize = sent.iter().map(|file| file.bytes.0.len()).sum();
    if bytes > MOST_BYTES || sent.len() > MOST_FILES {
        let files = sent.len();
        return Err(Usage(format!(
            "{}: {files} files with {bytes} bytes are too many to send, {MOST_FILES} with {MOST_BYTES} are the most; push them, and \
             name the branch with --commit",
            root.display()
        ))
        .into());
    }
    Ok(sent)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let failed = || format!("failed to read {}", folder.display());
    if depth > DEEPEST {
        anyhow::bail!("{} is more than {DEEPEST} folders deep", folder.display());
    }
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let (kind, path) = (entry.file_type().with_context(failed)?, entry.path());
        let name = entry.file_name();
        if kind.is_dir() && name != ".git" && !path.join(".git").exists() {
            walk(&path, depth + 1, found)?;
        } else if kind.is_file() && files::is_manifest(&name.to_string_lossy()) {
            found.push(path);
        }
    }
    Ok(())
}

fn file(path: &Path, name: String) -> anyhow::Result<SentFile> {
    let failed = || format!("failed to read {}", path.display());
    let size = usize::try_from(path.metadata().with_context(failed)?.len())?;
    if size > FILE_LIMIT {
        return Ok(SentFile { path: name, too_large: Some(size), ..SentFile::default() });
    }
    let bytes = ByteString(std::fs::read(path).with_context(failed)?);
    Ok(SentFile { path: name, bytes, too_large: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn paths(files: &[SentFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn a_clone_is_read_below_the_path_of_the_sync() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in [
            "env/b.yaml",
            "env/deep/a.json",
            "env/README.md",
            "other/c.yaml",
            ".git/d.yaml",
            "env/sub/e.yaml",
        ] {
            write(root, path, "a: 1\n");
        }
        write(root, "env/sub/.git", "gitdir: elsewhere\n");
        std::os::unix::fs::symlink(root.join("other/c.yaml"), root.join("env/link.yaml")).unwrap();
        assert_eq!(paths(&read(root, "env").unwrap()), ["env/b.yaml", "env/deep/a.json"]);
        assert_eq!(paths(&read(&root.join("env"), "/env/").unwrap()), ["env/b.yaml", "env/deep/a.json"]);
        assert!(paths(&read(root, "").unwrap()).contains(&"other/c.yaml"));
        assert!(read(root, "nowhere").unwrap_err().to_string().contains("is no folder"));
    }

    #[test]
    fn a_file_that_no_sync_would_read_is_told_by_its_size() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &"a".repeat(FILE_LIMIT + 1));
        let files = read(folder.path(), "").unwrap();
        assert_eq!((files[0].too_large, files[0].bytes.0.len()), (Some(FILE_LIMIT + 1), 0));
    }
}
