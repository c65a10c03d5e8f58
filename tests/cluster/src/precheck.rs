//! The first second: what the machine lacks, with the cure for each thing.

mod facts;

use std::fmt;

use crate::cache::Cache;
use crate::cgroup;
use crate::error::{Error, Result};
use crate::options::Mode;

pub(crate) use facts::Facts;

const GIB: u64 = 1 << 30;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// What was found.
    pub found: String,
    /// What to do about it; `None` when it is fine.
    pub cure: Option<String>,
}

impl Finding {
    fn new(subject: &'static str, fine: bool, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { subject, found: found.into(), cure: (!fine).then(|| cure.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cure {
            None => write!(formatter, "  ok      {:<12} {}", self.subject, self.found),
            Some(cure) => write!(formatter, "  missing {:<12} {}: {cure}", self.subject, self.found),
        }
    }
}

/// Looks at everything that a cluster of this mode needs.
pub fn findings(mode: Mode) -> Result<Vec<Finding>> {
    let built = Cache::open()?.is_ready(mode);
    Ok(judge(&Facts::gather(), mode, built))
}

/// Fails with every cure when anything is missing.
pub(crate) fn require(mode: Mode) -> Result<()> {
    let missing: Vec<String> =
        findings(mode)?.iter().filter(|finding| finding.cure.is_some()).map(ToString::to_string).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::Machine { cures: missing.join("\n") }) }
}

fn judge(facts: &Facts, mode: Mode, built: bool) -> Vec<Finding> {
    let mut findings = vec![root(facts), disk(facts, built), memory(facts, mode)];
    findings.extend(tools(facts, mode, built));
    findings.push(namespaces(facts));
    if mode == Mode::Full {
        findings.extend([kernel(facts), cgroups(facts), filesystem(facts)]);
    }
    findings
}

fn root(facts: &Facts) -> Finding {
    let found = if facts.root { "root" } else { "not root" };
    Finding::new("user", facts.root, found, "run it as root: namespaces and mounts are root's")
}

fn disk(facts: &Facts, built: bool) -> Finding {
    let needed = if built { 4 * GIB } else { 12 * GIB };
    let found = format!("{} GiB free below HOME", facts.disk_free / GIB);
    let cure = format!("free {} GiB (programs are built once, into ~/.cache/slipway)", needed / GIB);
    Finding::new("disk", facts.disk_free >= needed, found, cure)
}

fn memory(facts: &Facts, mode: Mode) -> Finding {
    let needed = if mode == Mode::Full { 4 * GIB } else { GIB };
    let found = format!("{} GiB available", facts.memory_available / GIB);
    Finding::new("memory", facts.memory_available >= needed, found, format!("free {} GiB", needed / GIB))
}

/// Compilers and apt are needed until everything is built; the rest at each start.
fn tools(facts: &Facts, mode: Mode, built: bool) -> Vec<Finding> {
    let always: &[(&str, &str)] = &[("mount", "apt-get install mount"), ("ip", "apt-get install iproute2")];
    let to_build: &[(&str, &str)] = &[
        ("cargo", "install Rust from https://rustup.rs"),
        ("go", "install Go 1.26 or newer from https://go.dev/dl"),
        ("apt-get", "use Debian or a relative of it: containerd and the registry come from its packages"),
        ("dpkg-deb", "apt-get install dpkg"),
    ];
    let for_mode = if mode == Mode::Full { always } else { &[] };
    let for_build = if built { &to_build[..1] } else { to_build };
    for_mode.iter().chain(for_build).map(|(name, cure)| tool(facts, name, cure)).collect()
}

fn tool(facts: &Facts, name: &'static str, cure: &str) -> Finding {
    match facts.tools.get(name) {
        Some(found) => Finding::new(name, true, found, cure),
        None => Finding::new(name, false, "not found", cure),
    }
}

fn namespaces(facts: &Facts) -> Finding {
    let fine = facts.missing_namespaces.is_empty();
    let found =
        if fine { "present".to_owned() } else { format!("no {}", facts.missing_namespaces.join(", ")) };
    Finding::new("namespaces", fine, found, "use a kernel with CONFIG_NAMESPACES and all of its kinds")
}

/// kube-proxy's nftables mode asks for it.
fn kernel(facts: &Facts) -> Finding {
    let found = format!("{}.{}", facts.kernel.0, facts.kernel.1);
    Finding::new("kernel", facts.kernel >= (5, 13), found, "use Linux 5.13 or newer")
}

fn cgroups(facts: &Facts) -> Finding {
    let found = match facts.cgroup {
        Some(cgroup::Version::One) => "version 1",
        Some(cgroup::Version::Two) => "version 2",
        None => "none",
    };
    Finding::new("cgroups", facts.cgroup.is_some(), found, "mount control groups on /sys/fs/cgroup")
}

fn filesystem(facts: &Facts) -> Finding {
    let found = if facts.overlay { "present" } else { "not in /proc/filesystems" };
    Finding::new("overlayfs", facts.overlay, found, "modprobe overlay")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Facts {
        let tools = ["cargo", "go", "apt-get", "dpkg-deb", "mount", "ip"];
        Facts {
            root: true,
            disk_free: 40 * GIB,
            memory_available: 8 * GIB,
            tools: tools.map(|name| (name, "found".to_owned())).into(),
            missing_namespaces: Vec::new(),
            kernel: (6, 1),
            cgroup: Some(cgroup::Version::Two),
            overlay: true,
        }
    }

    fn missing(facts: &Facts, mode: Mode, built: bool) -> Vec<&'static str> {
        let findings = judge(facts, mode, built);
        findings.iter().filter(|finding| finding.cure.is_some()).map(|finding| finding.subject).collect()
    }

    #[test]
    fn a_good_machine_lacks_nothing() {
        assert_eq!(missing(&good(), Mode::Full, false), Vec::<&str>::new());
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once_with_its_cure() {
        let mut facts = good();
        (facts.root, facts.disk_free, facts.cgroup) = (false, GIB, None);
        facts.tools.remove("go");
        assert_eq!(missing(&facts, Mode::Full, false), ["user", "disk", "go", "cgroups"]);
        let lines: Vec<String> = judge(&facts, Mode::Full, false).iter().map(ToString::to_string).collect();
        assert!(lines.iter().any(|line| line.contains("go           not found: install Go")), "{lines:?}");
    }

    #[test]
    fn a_machine_that_has_built_everything_needs_no_go() {
        let mut facts = good();
        facts.tools.remove("go");
        assert_eq!(missing(&facts, Mode::Full, true), Vec::<&str>::new());
    }

    #[test]
    fn the_fast_mode_does_without_cgroups_and_overlayfs() {
        let mut facts = good();
        (facts.cgroup, facts.overlay) = (None, false);
        assert_eq!(missing(&facts, Mode::Fast, false), Vec::<&str>::new());
    }
}
