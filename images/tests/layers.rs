//! What is in a layer, and that nothing else has a part in its digest.
#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use flate2::read::GzDecoder;
use slipway_images::{Execution, Image, Layer, LayerBuilder, agent_image, operator_image};
use tempfile::TempDir;

fn checkout() -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::create_dir_all(directory.path().join("lib/deep")).unwrap();
    fs::write(directory.path().join("lib/deep/code.js"), "answer = 42\n").unwrap();
    fs::write(directory.path().join("start"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(directory.path().join("start"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("lib/deep", directory.path().join("current")).unwrap();
    directory
}

fn layer_of(directory: &Path) -> Layer {
    LayerBuilder::new().copy_tree(directory, "/srv/www").unwrap().build().unwrap()
}

fn listing(layer: &Layer) -> Vec<String> {
    let mut archive = tar::Archive::new(GzDecoder::new(layer.bytes.as_slice()));
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        let link = entry.link_name().unwrap().map(|to| format!(" -> {}", to.display())).unwrap_or_default();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
        format!("{:o} {}{link}", header.mode().unwrap(), entry.path().unwrap().display())
    });
    entries.collect()
}

#[test]
fn a_tree_becomes_sorted_entries_that_keep_links_and_executable_bits() {
    let directory = checkout();
    let expected = [
        "755 srv/",
        "755 srv/www/",
        "777 srv/www/current -> lib/deep",
        "755 srv/www/lib/",
        "755 srv/www/lib/deep/",
        "644 srv/www/lib/deep/code.js",
        "755 srv/www/start",
    ];
    assert_eq!(listing(&layer_of(directory.path())), expected);
}

#[test]
fn the_same_files_make_the_same_layer_whatever_their_times_and_umask() {
    let (first, second) = (checkout(), checkout());
    let code = second.path().join("lib/deep/code.js");
    fs::set_permissions(&code, fs::Permissions::from_mode(0o600)).unwrap();
    fs::File::options().append(true).open(&code).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(layer_of(first.path()), layer_of(second.path()));
}

#[test]
fn another_byte_makes_another_layer() {
    let (first, second) = (checkout(), checkout());
    fs::write(second.path().join("lib/deep/code.js"), "answer = 43\n").unwrap();
    assert_ne!(layer_of(first.path()).digest, layer_of(second.path()).digest);
}

#[test]
fn paths_longer_than_a_tar_header_survive() {
    let name = format!("/opt/{}file", "directory/".repeat(30));
    let layer = LayerBuilder::new().file(&name, 0o644, "x").build().unwrap();
    assert!(listing(&layer).iter().any(|line| line.ends_with(&name[1..])), "{name}");
}

#[test]
fn a_tar_archive_is_taken_byte_for_byte() {
    let directory = checkout();
    let mut original = Vec::new();
    GzDecoder::new(layer_of(directory.path()).bytes.as_slice()).read_to_end(&mut original).unwrap();
    let layer = Layer::from_tar(&mut original.as_slice()).unwrap();
    let mut unpacked = Vec::new();
    GzDecoder::new(layer.bytes.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, original);
    assert_eq!(layer.diff_id, layer_of(directory.path()).diff_id);
    assert_eq!(Layer::from_gzip(layer.bytes.clone(), layer.diff_id.clone()), layer);
}

#[test]
fn the_digest_of_an_image_depends_on_its_files_and_on_how_it_runs() {
    let directory = checkout();
    let image = |user: &str| {
        let execution = Execution { user: Some(user.to_owned()), ..Execution::default() };
        Image::from_scratch(vec![layer_of(directory.path())], &execution).unwrap().digest()
    };
    assert_eq!(image("1"), image("1"));
    assert_ne!(image("1"), image("2"));
}

#[test]
fn the_operator_image_is_the_same_each_time_it_is_made() {
    let shell = Path::new("/bin/sh");
    assert_eq!(operator_image(shell).unwrap().digest(), operator_image(shell).unwrap().digest());
}

#[test]
fn an_agent_that_needs_shared_libraries_is_refused_with_the_flag_that_helps() {
    let error = agent_image(Path::new("/bin/sh")).unwrap_err().to_string();
    assert!(error.contains("crt-static"), "{error}");
}
