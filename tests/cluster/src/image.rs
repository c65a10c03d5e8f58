//! Small images made here: static programs of our own, packed as an archive that `ctr images import` takes.

use std::fs::File;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Writes an image archive (docker format) whose one layer holds `files`: path in the image and content, executable.
pub fn write_archive(
    target: &Path,
    reference: &str,
    files: &[(&str, &[u8])],
    entrypoint: &[&str],
) -> Result<()> {
    pack(target, reference, files, entrypoint).map_err(Error::file("write", target))
}

fn pack(target: &Path, reference: &str, files: &[(&str, &[u8])], entrypoint: &[&str]) -> std::io::Result<()> {
    let layer = tarball(Vec::new(), files, 0o755)?;
    let config = config(&layer, entrypoint).to_string();
    let manifest =
        json!([{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]).to_string();
    let content: [(&str, &[u8]); 3] =
        [("manifest.json", manifest.as_bytes()), ("config.json", config.as_bytes()), ("layer.tar", &layer)];
    tarball(File::create(target)?, &content, 0o644).map(drop)
}

fn tarball<W: std::io::Write>(target: W, files: &[(&str, &[u8])], mode: u32) -> std::io::Result<W> {
    let mut archive = tar::Builder::new(target);
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, *content)?;
    }
    archive.into_inner()
}

fn config(layer: &[u8], entrypoint: &[&str]) -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let digest =
        Sha256::digest(layer).iter().fold(String::new(), |digest, byte| format!("{digest}{byte:02x}"));
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "Env": ["PATH=/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    })
}
