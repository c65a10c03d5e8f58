//! What the node sees of the host's files: all of them, but for the places where its parts would write by themselves.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};

use crate::command::run;
use crate::error::{Error, Result};

/// Places that parts of a node write to whatever they are told; inside they are empty and in memory.
pub(crate) const PRIVATE: &[&str] = &["/run", "/var/lib", "/var/log"];

/// Settings of the whole kernel that the kubelet would change; what it finds already as it wants, it leaves alone.
const KERNEL_SETTINGS: &[(&str, &str)] = &[
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Arranges the mounts of the calling thread's namespace.
///
/// `data` becomes a mount of its own that hands mounts on to containers; `etc` (with `upper` and `work` in it) lies over
/// /etc, so that its hosts and resolv.conf are the node's own.
pub(crate) fn set_up(data: &Path, etc: &Path) -> Result<()> {
    set_propagation(Path::new("/"), MsFlags::MS_PRIVATE)?;
    // A mount of procfs shows the PID namespace of the process that mounts: not this thread's, but a child's.
    run(Command::new("mount").args(["-t", "proc", "proc", "/proc"]))?;
    for place in PRIVATE {
        mount(Some("tmpfs"), *place, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
            .map_err(Error::kernel(format!("mount an empty {place}")))?;
    }
    mount_etc(etc)?;
    for (setting, value) in KERNEL_SETTINGS {
        cover_setting(&data.join("kernel"), setting, value)?;
    }
    mount(Some(data), data, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(Error::kernel(format!("mount {} on itself", data.display())))?;
    set_propagation(data, MsFlags::MS_SHARED)
}

fn mount_etc(etc: &Path) -> Result<()> {
    let layers = format!(
        "lowerdir=/etc,upperdir={},workdir={}",
        etc.join("upper").display(),
        etc.join("work").display()
    );
    mount(Some("overlay"), "/etc", Some("overlay"), MsFlags::empty(), Some(layers.as_str()))
        .map_err(Error::kernel("mount a private /etc"))
}

/// Lays a file with the wanted value over a setting of the kernel: the host's own stays as it is.
fn cover_setting(folder: &Path, setting: &str, value: &str) -> Result<()> {
    let covered = Path::new("/proc/sys").join(setting);
    let cover = folder.join(setting.replace('/', "."));
    if !covered.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    fs::write(&cover, value).map_err(Error::file("write", &cover))?;
    mount(Some(&cover), &covered, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(Error::kernel(format!("cover {}", covered.display())))
}

fn set_propagation(path: &Path, how: MsFlags) -> Result<()> {
    mount(None::<&str>, path, None::<&str>, how | MsFlags::MS_REC, None::<&str>)
        .map_err(Error::kernel(format!("set the mount propagation of {}", path.display())))
}

/// Writes the node's own hosts and resolv.conf as the upper layer of /etc.
pub(crate) fn write_etc(etc: &Path, hosts: &str, resolver: &str) -> Result<()> {
    for folder in ["upper", "work"] {
        let folder = etc.join(folder);
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    }
    for (name, content) in [("hosts", hosts), ("resolv.conf", resolver)] {
        let file = etc.join("upper").join(name);
        fs::write(&file, content).map_err(Error::file("write", &file))?;
    }
    Ok(())
}
