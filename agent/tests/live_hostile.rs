//! What comes over the connection of a sync and is not what our end sends: nothing outside of the mount is touched.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use slipway_agent::live::{Answer, Incoming, Outgoing, Question, SyncOrder, serve};
use tar::{EntryType, Header};
use tempfile::TempDir;

/// One entry: kind, name, and target or content.
type Raw<'a> = (EntryType, &'a [u8], &'a [u8]);

fn archive(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, name, rest) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(0o4777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let content = if *kind == EntryType::Regular { *rest } else { b"" };
        if content.is_empty() {
            header.as_old_mut().linkname[..rest.len()].copy_from_slice(rest);
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// A mount with a link out of it, and what the agent answers to this archive.
fn sent(bytes: &[u8]) -> (TempDir, Option<Answer>) {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("mount");
    fs::create_dir(&mount).unwrap();
    fs::create_dir(folder.path().join("beside")).unwrap();
    fs::write(folder.path().join("beside/mine"), "mine").unwrap();
    symlink("../beside", mount.join("out")).unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    let order = SyncOrder { state: folder.path().join("state"), ..SyncOrder::new(&mount) };
    let serving = thread::spawn(move || {
        let outgoing = Outgoing::new(there.try_clone().unwrap());
        serve(&order, there, &outgoing)
    });
    let mut incoming = Incoming::new(here.try_clone().unwrap());
    assert!(matches!(incoming.hear().unwrap(), Some(Answer::Hello { .. })));
    let outgoing = Outgoing::new(here.try_clone().unwrap());
    outgoing.say(&Question::Edit).unwrap();
    let mut data = outgoing.data();
    // The other end may have hung up in the middle.
    let _ = data.write_all(bytes);
    let _ = data.finish();
    let answer = incoming.hear().ok().flatten();
    drop((incoming, outgoing, here));
    let _ = serving.join().unwrap();
    let beside: Vec<_> = fs::read_dir(folder.path().join("beside")).unwrap().collect();
    assert_eq!(beside.len(), 1);
    assert_eq!(fs::read_to_string(folder.path().join("beside/mine")).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "mount, beside, state");
    (folder, answer)
}

use EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink};

#[test]
fn names_that_lead_elsewhere_end_the_connection() {
    let cases: [Raw<'_>; 9] = [
        (Regular, b"../beside/x", b"1"),
        (Regular, b"/tmp/x", b"1"),
        (Regular, b"a/../../beside/x", b"1"),
        (Regular, b"../beside/.wh.mine", b"1"),
        (Regular, b".wh...", b"1"),
        (Regular, b"out/.wh..wh..opq", b"1"),
        (Link, b"x", b"out/mine"),
        (Fifo, b"x", b""),
        (Char, b"x", b""),
    ];
    for case in cases {
        let (_, answer) = sent(&archive(&[case]));
        assert!(matches!(answer, Some(Answer::Failed { .. })), "{case:?}: {answer:?}");
    }
    assert!(matches!(sent(&archive(&[(Block, b"x", b"")])).1, Some(Answer::Failed { .. })));
}

#[test]
fn a_link_that_leads_elsewhere_is_not_followed() {
    let cases: [&[Raw<'_>]; 4] = [
        &[(Regular, b"out/x", b"1")],
        &[(Regular, b"out/.wh.mine", b"1")],
        &[(Directory, b"out/new/", b"")],
        &[(Symlink, b"new", b"../beside"), (Regular, b"new/x", b"1"), (Regular, b"new/.wh.mine", b"1")],
    ];
    for case in cases {
        let (_, answer) = sent(&archive(case));
        assert!(matches!(answer, Some(Answer::Edited { .. })), "{case:?}: {answer:?}");
    }
}

#[test]
fn a_file_without_its_digest_is_not_put_in_place() {
    let (folder, answer) = sent(&archive(&[(Regular, b"x", b"1")]));
    let Some(Answer::Edited { written, problems, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((written, problems.len()), (0, 1));
    let left: Vec<_> =
        fs::read_dir(folder.path().join("mount")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["out"]);
}

#[test]
fn what_is_no_archive_leaves_nothing_behind() {
    for bytes in [&b""[..], b"nothing", &archive(&[(Regular, b"x", b"1")])[..40]] {
        let (folder, _) = sent(bytes);
        assert_eq!(fs::read_dir(folder.path().join("mount")).unwrap().count(), 1, "{bytes:?}");
    }
}
