//! Processes below this one, in whatever session: what config management leaves running would change files while these
//! are put into a layer.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

/// Times a new process may have been started by one that was being ended.
const ROUNDS: u32 = 200;

/// Whether what loses its parent below this process becomes its child.
pub(crate) fn adopt(whether: bool) -> io::Result<()> {
    Ok(set_child_subreaper(whether)?)
}

/// Ends every process below this one, and buries it; how many they were. Nobody else may wait for a child meanwhile.
pub(crate) fn end_all() -> u64 {
    let mut ended = 0;
    for _ in 0..ROUNDS {
        let below = living();
        for process in &below {
            let _ = kill(*process, Signal::SIGKILL);
        }
        ended += below.len() as u64;
        if !bury(!below.is_empty()) && below.is_empty() {
            break;
        }
    }
    ended
}

/// Waits for what has ended, for one at least when one is about to; whether there are more.
fn bury(mut one_ends: bool) -> bool {
    loop {
        let flags = if one_ends { WaitPidFlag::empty() } else { WaitPidFlag::WNOHANG };
        match waitpid(None, Some(flags)) {
            Ok(WaitStatus::StillAlive) => return true,
            Ok(_) => one_ends = false,
            Err(_) => return false,
        }
    }
}

/// All that live below this process, nearest first. Those that have ended and wait for their burial do not count.
fn living() -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (process, parent) in processes() {
        children.entry(parent).or_default().push(process);
    }
    let mut below = vec![getpid().as_raw()];
    let mut next = 0;
    while let Some(parent) = below.get(next) {
        let found = children.remove(parent).unwrap_or_default();
        below.extend(found);
        next += 1;
    }
    below.into_iter().skip(1).map(Pid::from_raw).collect()
}

/// Every living process, and its parent.
fn processes() -> Vec<(i32, i32)> {
    let Ok(folders) = fs::read_dir("/proc") else { return Vec::new() };
    let number = |name: &std::ffi::OsStr| name.to_str()?.parse::<i32>().ok();
    folders
        .filter_map(|entry| number(&entry.ok()?.file_name()))
        .filter_map(|process| {
            Some((process, parent(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)?))
        })
        .collect()
}

/// The fourth field of `/proc/PID/stat`; the second is a name in parentheses and may hold anything.
fn parent(stat: &str) -> Option<i32> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent("12 (a) b (c) S 7 12 12 0"), Some(7));
        assert_eq!(parent("12 (sh) Z 7 12 12 0"), None);
        assert_eq!(parent("nonsense"), None);
    }
}
