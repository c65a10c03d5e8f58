//! The agent is one static file: it runs in an image with any C library, or none.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Program header of a file that names a loader.
const PT_INTERP: u32 = 3;

/// The same build, in the same folder, as the agent's image is made from.
fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "slipway-agent", "--target", TARGET])
        .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-C target-feature=+crt-static")
        // It would win over the line above.
        .env_remove("RUSTFLAGS")
        .env("CARGO_TARGET_DIR", folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(built.success());
    folder.join(TARGET).join("debug/slipway-agent")
}

fn number<const N: usize>(file: &[u8], at: usize) -> u64 {
    let bytes: [u8; N] = file[at..at + N].try_into().unwrap();
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The types of the program headers of a 64-bit little-endian ELF file.
fn program_headers(file: &[u8]) -> Vec<u32> {
    assert_eq!(&file[..6], b"\x7fELF\x02\x01");
    let (offset, size, count) = (number::<8>(file, 0x20), number::<2>(file, 0x36), number::<2>(file, 0x38));
    (0..count)
        .map(|index| usize::try_from(offset + index * size).unwrap())
        .map(|at| u32::try_from(number::<4>(file, at)).unwrap())
        .collect()
}

#[test]
fn the_released_agent_names_no_loader() {
    let ours = std::fs::read(env!("CARGO_BIN_EXE_slipway-agent")).unwrap();
    assert!(program_headers(&ours).contains(&PT_INTERP), "the ordinary build does, so the check can fail");
    let path = build();
    assert!(!program_headers(&std::fs::read(&path).unwrap()).contains(&PT_INTERP));
    let root = tempfile::tempdir().unwrap();
    let copy = root.path().join("copy");
    assert!(Command::new(&path).arg("install").arg(&copy).status().unwrap().success());
    assert_eq!(Command::new(&copy).status().unwrap().code(), Some(64));
}
