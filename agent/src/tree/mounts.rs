//! Mount points: what the kubelet and the runtime put into a container is not part of its image.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The mount points below a root, relative to it, from the text of `/proc/self/mountinfo`. Among them are `/proc`,
/// `/etc/hosts`, `/etc/resolv.conf`, `/etc/hostname` and every volume.
pub fn mount_points(mountinfo: &[u8], root: &Path) -> BTreeSet<Vec<u8>> {
    let root = root.as_os_str().as_bytes();
    let root = root.strip_suffix(b"/").unwrap_or(root);
    mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescaped)
        .filter_map(|point| point.strip_prefix(root)?.strip_prefix(b"/").map(<[u8]>::to_vec))
        .filter(|point| !point.is_empty())
        .collect()
}

/// The kernel writes space, tab, newline and backslash as `\` and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_A_POD: &[u8] = b"\
        861 604 0:88 / / rw,relatime - overlay overlay rw,lowerdir=/a\n\
        862 861 0:91 / /proc rw,nosuid - proc proc rw\n\
        870 861 254:1 /x/etc-hosts /etc/hosts rw - ext4 /dev/root rw\n\
        871 861 254:1 /y /with\\040space rw - ext4 /dev/root rw\n";

    fn points(root: &str) -> Vec<String> {
        let points = mount_points(OF_A_POD, Path::new(root));
        points.iter().map(|point| String::from_utf8_lossy(point).into_owned()).collect()
    }

    #[test]
    fn mount_points_are_relative_to_the_root_which_is_none_of_them() {
        assert_eq!(points("/"), ["etc/hosts", "proc", "with space"]);
        assert_eq!(points("/etc"), ["hosts"]);
        assert_eq!(points("/et"), Vec::<String>::new());
    }
}
