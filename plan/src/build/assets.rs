//! What an asset is built from at a commit: the same files, command and output are never built twice.

use sha2::{Digest as _, Sha256};

use crate::manifest::{Asset, Globs};

/// A file or symbolic link of a commit, as git has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path from the root of the repository; it need not be text.
    pub path: Vec<u8>,
    /// Whether it is a file, one that is executed, or a link: git's mode. Example: `0o100644`.
    pub mode: u32,
    /// The object that is its content.
    pub id: String,
}

/// What is the same exactly when the command, the output, and the paths, modes and contents of all inputs are.
pub fn sources(asset: &Asset, files: &[SourceFile]) -> String {
    let globs = Globs::of(asset);
    let mut inputs: Vec<&SourceFile> = files.iter().filter(|file| globs.accept(&file.path)).collect();
    inputs.sort_by(|left, right| left.path.cmp(&right.path));
    let mut sum = Sha256::new();
    // Each part follows its length, so that no two sets of parts give the same bytes.
    let mut part = |bytes: &[u8]| {
        sum.update((bytes.len() as u64).to_be_bytes());
        sum.update(bytes);
    };
    part(asset.command.as_bytes());
    part(asset.output.as_bytes());
    for input in inputs {
        part(&input.path);
        part(&input.mode.to_be_bytes());
        part(input.id.as_bytes());
    }
    sum.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Why an asset cannot be built at a commit with these files. What is built and what is committed are never mixed:
/// otherwise an image that starts from an older one could not be told from one that does not.
pub fn mistake(asset: &Asset, files: &[SourceFile]) -> Option<String> {
    let (output, globs) = (&asset.output, Globs::of(asset));
    if let Some(file) = files.iter().find(|file| meets(&file.path, output.as_bytes())) {
        let path = String::from_utf8_lossy(&file.path);
        return Some(format!(
            "the output `{output}` of an asset is not its own: the commit has `{path}`; remove it, or name another folder"
        ));
    }
    let is_empty = !files.iter().any(|file| globs.accept(&file.path));
    is_empty.then(|| format!("the inputs of the asset `{output}` name no file of the commit: correct them"))
}

/// Whether one is the other, or in it.
fn meets(path: &[u8], output: &[u8]) -> bool {
    let holds = |folder: &[u8], path: &[u8]| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    holds(output, path) || holds(path, output)
}

#[cfg(test)]
mod tests;
