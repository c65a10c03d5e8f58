//! Ground of a test's own: mounts and a network that nobody else sees, and that are gone with the process, however it ends.

use std::path::Path;
use std::process::Command;
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A folder of every Debian. What is below it is not seen on this ground.
const GROUND: &str = "/mnt";

/// Runs a test on it, with an empty folder in memory and no network but loopback. Needs root.
pub fn on_own_ground<T: Send>(test: impl FnOnce(&Path) -> T + Send) -> T {
    thread::scope(|scope| {
        let told = scope.spawn(|| {
            prepare();
            test(Path::new(GROUND))
        });
        told.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Only this thread is moved, and whatever it starts.
fn prepare() {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).expect("root is needed");
    let nothing: Option<&str> = None;
    mount(nothing, "/", nothing, MsFlags::MS_PRIVATE | MsFlags::MS_REC, nothing).unwrap();
    mount(Some("tmpfs"), GROUND, Some("tmpfs"), MsFlags::empty(), Some("size=4g,mode=0755")).unwrap();
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap();
    assert!(up.success());
}

/// Mounts a file or folder as another one, which is made.
pub fn bind(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
    } else {
        std::fs::write(to, "").unwrap();
    }
    let nothing: Option<&str> = None;
    mount(Some(from), to, nothing, MsFlags::MS_BIND, nothing).unwrap();
}

/// Mounts a file system of its own kind.
pub fn mount_new(kind: &str, to: &Path, options: &str) {
    std::fs::create_dir_all(to).unwrap();
    mount(Some(kind), to, Some(kind), MsFlags::empty(), Some(options)).unwrap();
}
