//! What the machine says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::cgroup;

const TOOLS: [&str; 6] = ["cargo", "go", "apt-get", "dpkg-deb", "mount", "ip"];
const NAMESPACES: [&str; 5] = ["net", "mnt", "pid", "ipc", "uts"];

/// What was found, not yet judged.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) root: bool,
    /// Bytes free where the cache is.
    pub(crate) disk_free: u64,
    /// Bytes of memory that can be had without swapping.
    pub(crate) memory_available: u64,
    /// Tools that were found, and where.
    pub(crate) tools: BTreeMap<&'static str, String>,
    pub(crate) missing_namespaces: Vec<&'static str>,
    /// Major and minor version.
    pub(crate) kernel: (u32, u32),
    pub(crate) cgroup: Option<cgroup::Version>,
    pub(crate) overlay: bool,
}

impl Facts {
    pub(crate) fn gather() -> Self {
        Self {
            root: nix::unistd::Uid::effective().is_root(),
            disk_free: disk_free(),
            memory_available: memory_available(&read("/proc/meminfo")),
            tools: TOOLS.into_iter().filter_map(|name| Some((name, find(name)?))).collect(),
            missing_namespaces: NAMESPACES
                .into_iter()
                .filter(|name| !Path::new("/proc/self/ns").join(name).exists())
                .collect(),
            kernel: version(&read("/proc/sys/kernel/osrelease")),
            cgroup: cgroup::Version::detect(),
            overlay: has_overlay(),
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn disk_free() -> u64 {
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/".into());
    statvfs(Path::new(&home)).map_or(0, |found| found.blocks_available() * found.fragment_size())
}

fn memory_available(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// Built in, or a module that the first mount loads.
fn has_overlay() -> bool {
    let modules = PathBuf::from("/lib/modules").join(read("/proc/sys/kernel/osrelease").trim());
    read("/proc/filesystems").contains("overlay") || modules.join("kernel/fs/overlayfs").is_dir()
}

fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(['.', '-', '+']).map(|number| number.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

fn find(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())?;
    Some(found.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_version_is_its_first_two_numbers() {
        assert_eq!(version("6.1.0-28-amd64\n"), (6, 1));
        assert_eq!(version("5.15-rc1"), (5, 15));
    }

    #[test]
    fn available_memory_is_read_in_bytes() {
        assert_eq!(memory_available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), 2 << 20);
    }
}
