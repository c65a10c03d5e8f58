//! A tree of many small files, as a service with its dependencies is.

use std::path::Path;

use anyhow::{Context, Result};

/// Files of a measurement, and when trying it out.
pub const FILES: usize = 10_000;
pub const FEW: usize = 1_000;
/// Files in one folder.
const IN_A_FOLDER: usize = 50;
/// Lines of a file; a line has about 50 bytes.
const LINES: usize = 40;

/// Writes the files `tree/<n>/<m>.lua` of about 2 kB, each with other content.
pub fn write(folder: &Path, files: usize) -> Result<()> {
    for file in 0..files {
        let inside = folder.join(format!("tree/{}", file / IN_A_FOLDER));
        std::fs::create_dir_all(&inside).with_context(|| format!("cannot make {}", inside.display()))?;
        let lines = (0..LINES)
            .map(|line| format!("return function() return {} end -- file {file}\n", file * LINES + line));
        std::fs::write(inside.join(format!("{}.lua", file % IN_A_FOLDER)), lines.collect::<String>())?;
    }
    Ok(())
}

/// The file that is saved again and again.
pub fn one(folder: &Path) -> std::path::PathBuf {
    folder.join("tree/0/0.lua")
}
