//! Archives that want more than they should get.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use flate2::Compression;
use flate2::write::GzEncoder;
use slipway_agent::layer::{Accepted, Applied, LayerError, Limits, apply};
use tar::{EntryType, Header};
use tempfile::TempDir;

/// One entry: kind, name, target or content, mode.
type Raw<'a> = (EntryType, &'a [u8], &'a [u8], u32);

fn archive(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, name, rest, mode) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_uid(u64::from(nix::unistd::geteuid().as_raw()));
        header.set_gid(u64::from(nix::unistd::getegid().as_raw()));
        header.set_mtime(1);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let is_file = matches!(kind, EntryType::Regular | EntryType::XHeader | EntryType::XGlobalHeader);
        let content = if is_file { *rest } else { b"" };
        if !is_file {
            header.as_old_mut().linkname[..rest.len()].copy_from_slice(rest);
        }
        header.set_size(content.len() as u64);
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn unpack(entries: &[Raw<'_>], accepted: Accepted) -> (TempDir, Result<Applied, LayerError>) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("root")).unwrap();
    fs::write(folder.path().join("outside"), "mine").unwrap();
    fs::create_dir(folder.path().join("beside")).unwrap();
    fs::set_permissions(folder.path().join("beside"), fs::Permissions::from_mode(0o700)).unwrap();
    let done = apply(archive(entries).as_slice(), &folder.path().join("root"), accepted, Limits::default());
    (folder, done)
}

fn refused(entries: &[Raw<'_>], accepted: Accepted) -> String {
    let (folder, done) = unpack(entries, accepted);
    assert_eq!(fs::read_to_string(folder.path().join("outside")).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path().join("beside")).unwrap().count(), 0);
    done.unwrap_err().to_string()
}

use EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink, XGlobalHeader, XHeader};

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    for name in ["../outside", "/etc/passwd", "a/../../outside", "a//b", "."] {
        let said = refused(&[(Regular, name.as_bytes(), b"x", 0o644)], Accepted::Everything);
        assert!(said.contains("cannot be in an image's layer"), "{name}: {said}");
    }
    let said = refused(
        &[(XHeader, b"p", b"19 path=../outside\n", 0), (Regular, b"a", b"x", 0o644)],
        Accepted::Everything,
    );
    assert!(said.contains("../outside cannot be"), "{said}");
}

#[test]
fn a_whiteout_of_a_detour_or_of_the_root_removes_nothing() {
    for name in [".wh...", "a/.wh...", ".wh..", ".wh.", ".wh..wh..opq"] {
        let said = refused(
            &[(Directory, b"a/", b"", 0o755), (Regular, name.as_bytes(), b"", 0)],
            Accepted::Everything,
        );
        assert!(said.contains("cannot be in an image's layer"), "{name}: {said}");
    }
}

#[test]
fn nothing_is_written_through_a_symbolic_link() {
    let through =
        [(Symlink, b"a".as_slice(), b"../beside".as_slice(), 0o777), (Regular, b"a/file", b"x", 0o644)];
    assert!(refused(&through, Accepted::Everything).contains("cannot open the folder of a/file"));
    let removed = [(Symlink, b"a".as_slice(), b"..".as_slice(), 0o777), (Regular, b"a/.wh.outside", b"", 0)];
    assert!(refused(&removed, Accepted::Everything).contains("cannot open the folder of a/outside"));
    let linked = [(Symlink, b"a".as_slice(), b"..".as_slice(), 0o777), (Link, b"b", b"a/outside", 0)];
    assert!(refused(&linked, Accepted::Everything).contains("cannot write b"));
}

#[test]
fn a_folder_that_became_a_link_does_not_lend_its_mode_to_where_the_link_leads() {
    let entries =
        [(Directory, b"a/".as_slice(), b"".as_slice(), 0o777), (Symlink, b"a", b"../beside", 0o777)];
    let (folder, done) = unpack(&entries, Accepted::Everything);
    assert!(done.is_ok());
    let mode = fs::metadata(folder.path().join("beside")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_file_replaces_a_link_instead_of_writing_to_where_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("root")).unwrap();
    fs::write(folder.path().join("outside"), "mine").unwrap();
    symlink("../outside", folder.path().join("root/a")).unwrap();
    let bytes = archive(&[(Regular, b"a", b"theirs", 0o644)]);
    apply(bytes.as_slice(), &folder.path().join("root"), Accepted::Sources, Limits::default()).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("outside")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(folder.path().join("root/a")).unwrap(), "theirs");
}

#[test]
fn an_archive_of_sources_holds_nothing_that_git_does_not() {
    for (kind, name) in [(Link, "a hard link"), (Fifo, "a named pipe"), (Char, "a device")] {
        let entries = [(Regular, b"a".as_slice(), b"x".as_slice(), 0o644), (kind, b"b", b"a", 0o644)];
        let said = refused(&entries, Accepted::Sources);
        assert!(said.contains(&format!("b is {name}, which an archive of sources does not take")), "{said}");
    }
    assert!(refused(&[(Block, b"b", b"", 0)], Accepted::Everything).contains("of a kind of its own"));
    assert!(refused(&[(XGlobalHeader, b"g", b"9 a=bcde\n", 0)], Accepted::Everything).contains("of a kind"));
}

#[test]
fn an_archive_that_is_cut_or_none_is_an_error_that_can_be_tried_again() {
    let whole =
        archive(&[(Regular, b"a", &vec![b'x'; 40_000], 0o644), (Regular, b"b", &[b'y'; 4_000], 0o644)]);
    let folder = tempfile::tempdir().unwrap();
    for part in [&whole[..20], &whole[..whole.len() / 2], &whole[..whole.len() - 12], b"not gzip at all"] {
        let error = apply(part, folder.path(), Accepted::Sources, Limits::default()).unwrap_err();
        assert!(matches!(error, LayerError::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn an_archive_that_unpacks_to_more_than_it_may_is_stopped_at_its_first_byte_too_many() {
    let limits = Limits { bytes: 1 << 20, entries: 3, ..Limits::default() };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..1].copy_from_slice(b"a");
    header.set_size(1 << 32);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bytes = encoder.finish().unwrap();
    let error = apply(bytes.as_slice(), folder.path(), Accepted::Sources, limits).unwrap_err();
    assert!(matches!(error, LayerError::TooMuch { .. }), "{error:?}");
    let many =
        archive(&[b"a", b"b", b"c", b"d"].map(|name| (Regular, name.as_slice(), b"".as_slice(), 0o644)));
    let error = apply(many.as_slice(), folder.path(), Accepted::Sources, limits).unwrap_err();
    assert_eq!(error.to_string(), "d is too much: files of an archive may be 3 at most");
}
