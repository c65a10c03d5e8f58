//! Random things that happen to a folder.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::stat::Mode;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Names = Vec<Vec<u8>>;

/// Something that happens. What is not possible does not happen.
#[derive(Clone, Debug)]
pub enum Step {
    Write(Names, Vec<u8>, u32, u64),
    Folder(Names, u32),
    Symlink(Names, Vec<u8>),
    Link(Names, Names),
    Rename(Names, Names),
    Remove(Names),
    Mode(Names, u32),
    Owner(Names, u32),
    Attribute(Names, Vec<u8>),
    Fifo(Names),
}

fn names() -> impl Strategy<Value = Names> {
    let long = vec![b'l'; 150];
    let some: [&[u8]; 8] = [b"a", b"b", b"c", b"a-", b"a b", b"new\nline", b"\xff\xfe", &long];
    vec(select(some.map(<[u8]>::to_vec).to_vec()), 1..=3)
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), vec(any::<u8>(), 1..4), Just(vec![7; 1500])]
}

fn step() -> impl Strategy<Value = Step> {
    let mode = || select(vec![0o644_u32, 0o600, 0o755, 0o4755, 0o2750, 0o1777]);
    prop_oneof![
        6 => (names(), content(), mode(), 0..2_000_u64).prop_map(|(path, what, mode, time)| Step::Write(path, what, mode, time)),
        3 => (names(), mode()).prop_map(|(path, mode)| Step::Folder(path, mode)),
        2 => (names(), select(vec![b"a".to_vec(), b"/etc/\xff".to_vec(), vec![b't'; 120]])).prop_map(|(path, to)| Step::Symlink(path, to)),
        3 => (names(), names()).prop_map(|(from, to)| Step::Link(from, to)),
        3 => (names(), names()).prop_map(|(from, to)| Step::Rename(from, to)),
        3 => names().prop_map(Step::Remove),
        2 => (names(), mode()).prop_map(|(path, mode)| Step::Mode(path, mode)),
        1 => (names(), select(vec![0_u32, 1000, 3_000_000])).prop_map(|(path, owner)| Step::Owner(path, owner)),
        1 => (names(), vec(any::<u8>(), 0..6)).prop_map(|(path, value)| Step::Attribute(path, value)),
        1 => names().prop_map(Step::Fifo),
    ]
}

/// Up to 30 of them.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 0..30)
}

/// Lets them happen in this folder.
pub fn carry_out(root: &Path, steps: &[Step]) {
    for step in steps {
        let _ = happen(root, step);
    }
}

fn at(root: &Path, names: &Names) -> std::io::Result<PathBuf> {
    let path = names.iter().fold(root.to_owned(), |path, name| path.join(OsStr::from_bytes(name)));
    let folder = path.parent().unwrap();
    if folder != root {
        fs::create_dir_all(folder)?;
    }
    // A step through a symbolic link would happen elsewhere.
    if folder.canonicalize()? == folder { Ok(path) } else { Err(std::io::ErrorKind::InvalidInput.into()) }
}

fn happen(root: &Path, step: &Step) -> std::io::Result<()> {
    match step {
        Step::Write(path, content, mode, time) => {
            let path = at(root, path)?;
            if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
                return Ok(());
            }
            fs::write(&path, content)?;
            fs::set_permissions(&path, Permissions::from_mode(*mode))?;
            File::options().write(true).open(&path)?.set_modified(UNIX_EPOCH + Duration::from_secs(*time))
        }
        Step::Folder(path, mode) => {
            let path = at(root, path)?;
            fs::create_dir(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(*mode))
        }
        Step::Symlink(path, to) => symlink(OsStr::from_bytes(to), at(root, path)?),
        Step::Link(from, to) => fs::hard_link(at(root, from)?, at(root, to)?),
        Step::Rename(from, to) => fs::rename(at(root, from)?, at(root, to)?),
        Step::Remove(path) => remove(&at(root, path)?),
        Step::Mode(path, mode) => not_a_link(at(root, path)?)
            .and_then(|path| fs::set_permissions(path, Permissions::from_mode(*mode))),
        Step::Owner(path, owner) => {
            not_a_link(at(root, path)?).and_then(|path| chown(path, Some(*owner), Some(*owner)))
        }
        Step::Attribute(path, value) => xattr::set(at(root, path)?, "user.test", value),
        Step::Fifo(path) => Ok(nix::unistd::mkfifo(&at(root, path)?, Mode::from_bits_truncate(0o600))?),
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn not_a_link(path: PathBuf) -> std::io::Result<PathBuf> {
    let is_link = fs::symlink_metadata(&path)?.is_symlink();
    if is_link { Err(std::io::ErrorKind::InvalidInput.into()) } else { Ok(path) }
}
