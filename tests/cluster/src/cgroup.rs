//! Control groups: which version the machine has, and the one parent below which everything of a cluster lives.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const MOUNT: &str = "/sys/fs/cgroup";

/// The version of control groups that the machine uses for resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// One hierarchy per controller (older machines).
    One,
    /// The unified hierarchy.
    Two,
}

impl Version {
    /// The machine's version; `None` when no control groups are mounted where everybody expects them.
    pub(crate) fn detect() -> Option<Self> {
        Self::of(Path::new(MOUNT))
    }

    fn of(mount: &Path) -> Option<Self> {
        if mount.join("cgroup.controllers").exists() {
            return Some(Self::Two);
        }
        ["memory", "cpu"].iter().all(|controller| mount.join(controller).is_dir()).then_some(Self::One)
    }
}

/// Makes the parent group for version 2 and hands it every controller of the root.
///
/// The kubelet is told to use it as its root; for version 1 see [`join_calling_thread`].
pub(crate) fn create_unified(name: &str) -> Result<()> {
    let root = Path::new(MOUNT);
    let (available, handed_down) = (root.join("cgroup.controllers"), root.join("cgroup.subtree_control"));
    let missing = missing(&read(&available)?, &read(&handed_down)?);
    if !missing.is_empty() {
        write(&handed_down, &missing)?;
    }
    let group = root.join(name);
    fs::create_dir(&group).map_err(Error::file("create", &group))
}

/// Puts the calling thread alone into the parent group of each version 1 hierarchy: whatever it starts follows, and the
/// container runtime makes its groups below its own.
pub(crate) fn join_calling_thread(name: &str) -> Result<()> {
    for hierarchy in hierarchies()? {
        let group = hierarchy.join(name);
        fs::create_dir(&group).map_err(Error::file("create", &group))?;
        inherit_cpuset(&hierarchy, &group)?;
        write(&group.join("tasks"), &nix::unistd::gettid().to_string())?;
    }
    Ok(())
}

/// The version 1 hierarchies, the named one of systemd included; the unified one beside them has no `tasks`.
fn hierarchies() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(MOUNT).map_err(Error::file("list", MOUNT))?;
    Ok(entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| !path.is_symlink() && path.join("tasks").exists())
        .collect())
}

/// A new cpuset group is empty, and nothing may join it before it has processors and memory.
fn inherit_cpuset(hierarchy: &Path, group: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if group.join(file).exists() {
            write(&group.join(file), read(&hierarchy.join(file))?.trim())?;
        }
    }
    Ok(())
}

/// The request for the controllers that the kubelet looks for and that the root does not hand down yet.
fn missing(available: &str, handed_down: &str) -> String {
    let has = |list: &str, name: &str| list.split_whitespace().any(|word| word == name);
    ["cpu", "cpuset", "memory", "hugetlb", "pids", "io"]
        .into_iter()
        .filter(|name| has(available, name) && !has(handed_down, name))
        .map(|name| format!("+{name}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

fn write(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_is_known_by_its_controllers_file() {
        let mount = tempfile::tempdir().unwrap();
        assert_eq!(Version::of(mount.path()), None);
        fs::create_dir(mount.path().join("memory")).unwrap();
        fs::create_dir(mount.path().join("cpu")).unwrap();
        assert_eq!(Version::of(mount.path()), Some(Version::One));
        fs::write(mount.path().join("cgroup.controllers"), "cpu memory").unwrap();
        assert_eq!(Version::of(mount.path()), Some(Version::Two));
    }

    #[test]
    fn controllers_are_handed_down_once_and_only_those_the_kernel_has() {
        assert_eq!(missing("cpuset cpu io memory pids rdma\n", "cpu memory pids\n"), "+cpuset +io");
        assert_eq!(missing("cpu memory\n", "cpu memory\n"), "");
    }
}
