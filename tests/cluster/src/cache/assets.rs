//! Programs that somebody has already: `KUBEBUILDER_ASSETS` names a folder with a control plane, as `setup-envtest` leaves it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::go::Program;
use crate::progress::Progress;

/// The variable that names the folder.
const VARIABLE: &str = "KUBEBUILDER_ASSETS";

/// What such a folder may have, and the words that make each say its version.
const PROGRAMS: [(Program, &[&str]); 3] = [
    (Program::ApiServer, &["--version"]),
    (Program::Etcd, &["--version"]),
    (Program::Kubectl, &["version", "--client"]),
];

/// A program of the folder and what is thought of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asset {
    pub(super) program: Program,
    path: PathBuf,
    fit: Fit,
}

/// Whether a version may stand in for the one that would be built.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fit {
    Taken { version: String },
    Refused { why: String },
}

impl Asset {
    /// Where the program is, if it is taken.
    pub(super) fn taken(&self) -> Option<&PathBuf> {
        matches!(self.fit, Fit::Taken { .. }).then_some(&self.path)
    }
}

/// Looks into the folder that the variable names; nothing when it names none.
pub(super) fn gather() -> Vec<Asset> {
    let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) else {
        return Vec::new();
    };
    let folder = PathBuf::from(folder);
    PROGRAMS
        .iter()
        .map(|&(program, words)| {
            let path = folder.join(program.name());
            let fit = judge(program.version(), ask(&path, words).as_deref());
            Asset { program, path, fit }
        })
        .collect()
}

/// Says what was taken, and why the rest was not.
pub(super) fn tell(assets: &[Asset], progress: Progress) {
    for Asset { program, path, fit } in assets {
        let name = program.name();
        progress.say(&match fit {
            Fit::Taken { version } => format!("  {name} {version} of {VARIABLE}"),
            Fit::Refused { why } => format!("  {} is not used: {why}", path.display()),
        });
    }
}

/// What a program says when it is asked for its version.
fn ask(program: &PathBuf, words: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(words).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The same major version, and the wanted minor or the one after it: the other parts are of the wanted version, and Kubernetes
/// lets an API server be one ahead of them and never behind.
fn judge(wanted: &str, said: Option<&str>) -> Fit {
    let refused = |why: String| Fit::Refused { why };
    let Some(said) = said else { return refused("it cannot be run there".into()) };
    let Some(version) = version_in(said) else { return refused("it does not say its version".into()) };
    let (Some((major, minor)), Some(found)) = (numbers(wanted), numbers(version)) else {
        return refused(format!("{version} is no version"));
    };
    if found == (major, minor) || found == (major, minor + 1) {
        Fit::Taken { version: version.to_owned() }
    } else {
        refused(format!("it is {version}, and {major}.{minor} or {major}.{} is needed", minor + 1))
    }
}

/// `Kubernetes v1.36.3`, `etcd Version: 3.6.16`, `Client Version: v1.36.3`.
fn version_in(said: &str) -> Option<&str> {
    let word = said.lines().next()?.split_whitespace().next_back()?;
    let version = word.strip_prefix('v').unwrap_or(word);
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(wanted: &str, said: &str) -> bool {
        matches!(judge(wanted, Some(said)), Fit::Taken { .. })
    }

    fn why(wanted: &str, said: Option<&str>) -> String {
        match judge(wanted, said) {
            Fit::Refused { why } => why,
            Fit::Taken { version } => panic!("{version} must be refused"),
        }
    }

    #[test]
    fn the_wanted_minor_version_or_the_next_is_taken_whatever_the_patch() {
        assert!(taken("1.36.3", "Kubernetes v1.36.0\n"));
        assert!(taken("1.36.3", "Kubernetes v1.37.0-rc.1\n"));
        assert!(taken("1.36.3", "Client Version: v1.36.9+k3s1\nKustomize Version: v5.7.1\n"));
        assert!(taken("3.6.16", "etcd Version: 3.6.4\nGit SHA: 0123abc\nGo Version: go1.26.8\n"));
    }

    #[test]
    fn an_older_or_much_newer_one_is_built_instead() {
        assert_eq!(why("1.36.3", Some("Kubernetes v1.35.9")), "it is 1.35.9, and 1.36 or 1.37 is needed");
        assert!(why("1.36.3", Some("Kubernetes v1.38.0")).contains("1.38.0"));
        assert!(why("1.36.3", Some("Kubernetes v2.36.3")).contains("2.36.3"));
    }

    #[test]
    fn what_is_not_there_or_says_nonsense_is_built_instead() {
        assert_eq!(why("1.36.3", None), "it cannot be run there");
        for nonsense in ["", "\n", "usage: etcd", "Kubernetes v1"] {
            assert!(!why("1.36.3", Some(nonsense)).is_empty(), "{nonsense:?}");
        }
    }

    #[test]
    fn only_what_is_taken_has_a_place() {
        let path = PathBuf::from("/assets/etcd");
        let asset =
            |said| Asset { program: Program::Etcd, path: path.clone(), fit: judge("3.6.16", Some(said)) };
        assert_eq!(asset("etcd Version: 3.6.16").taken(), Some(&path));
        assert_eq!(asset("etcd Version: 3.4.23").taken(), None);
    }
}
