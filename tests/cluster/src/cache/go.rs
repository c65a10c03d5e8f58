//! The Go programs of a node, built once per version from the modules in `go/`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cache::{Cache, digest};
use crate::command::{last_lines, run, spelled};
use crate::error::{Error, Result};
use crate::options::Mode;
use crate::progress::{Progress, spoken};

const KUBERNETES: &str = include_str!("../../go/kubernetes/go.mod");
const ETCD: &str = include_str!("../../go/etcd/go.mod");
const COREDNS: &str = include_str!("../../go/coredns/go.mod");
const COREDNS_MAIN: &str = include_str!("../../go/coredns/main.go");
const NETPOL: &str = include_str!("../../go/netpol/go.mod");
const NETPOL_MAIN: &str = include_str!("../../go/netpol/main.go");
const HELM: &str = include_str!("../../go/helm/go.mod");
const KSTATUS: &str = include_str!("../../go/kstatus/go.mod");
const KSTATUS_MAIN: &str = include_str!("../../go/kstatus/main.go");
const KEEPER_MAIN: &str = include_str!("../../go/keeper/main.go");

/// A program that is built from source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Keeper,
    Etcd,
    ApiServer,
    ControllerManager,
    Scheduler,
    Kubelet,
    Proxy,
    CoreDns,
    Kubectl,
    Helm,
    NetworkPolicies,
    Kstatus,
}

impl Program {
    /// What a mode needs, in the order of building: later ones profit from what earlier ones compiled.
    pub(crate) fn needed(mode: Mode) -> &'static [Self] {
        match mode {
            Mode::Full => &[
                Self::Keeper,
                Self::Etcd,
                Self::ApiServer,
                Self::ControllerManager,
                Self::Scheduler,
                Self::Kubelet,
                Self::Proxy,
                Self::CoreDns,
                Self::Kubectl,
            ],
            Mode::Fast => &[Self::Keeper, Self::Etcd, Self::ApiServer, Self::ControllerManager],
        }
    }

    /// The program's name as its own project spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Keeper => "keeper",
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::Proxy => "kube-proxy",
            Self::CoreDns => "coredns",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
            Self::NetworkPolicies => "netpol",
            Self::Kstatus => "kstatus",
        }
    }

    /// The name in the cache: a change of version, or of source of our own, is another file.
    pub(super) fn file_name(self) -> String {
        let version = self.version();
        match self {
            Self::Keeper => format!("keeper-{}", digest(KEEPER_MAIN)),
            Self::CoreDns => format!("coredns-{version}-{}", digest(COREDNS_MAIN)),
            Self::NetworkPolicies => format!("netpol-{version}-{}", digest(NETPOL_MAIN)),
            Self::Kstatus => format!("kstatus-{version}-{}", digest(KSTATUS_MAIN)),
            _ => format!("{}-{version}", self.name()),
        }
    }

    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Keeper => "",
            Self::Etcd => required(ETCD, "go.etcd.io/etcd/server/v3"),
            Self::CoreDns => required(COREDNS, "github.com/coredns/coredns"),
            Self::Helm => required(HELM, "helm.sh/helm/v4"),
            Self::NetworkPolicies => required(NETPOL, "github.com/cloudnativelabs/kube-router"),
            Self::Kstatus => required(KSTATUS, "github.com/fluxcd/cli-utils"),
            _ => required(KUBERNETES, "k8s.io/kubernetes"),
        }
    }

    fn module(self) -> PathBuf {
        let folder = match self {
            Self::Keeper => "keeper",
            Self::Etcd => "etcd",
            Self::CoreDns => "coredns",
            Self::Helm => "helm",
            Self::NetworkPolicies => "netpol",
            Self::Kstatus => "kstatus",
            _ => "kubernetes",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(folder)
    }

    fn package(self) -> String {
        match self {
            Self::Keeper | Self::CoreDns | Self::NetworkPolicies | Self::Kstatus => ".".into(),
            Self::Etcd => "go.etcd.io/etcd/server/v3".into(),
            Self::Helm => "helm.sh/helm/v4/cmd/helm".into(),
            _ => format!("k8s.io/kubernetes/cmd/{}", self.name()),
        }
    }

    fn linker_flags(self) -> String {
        match self {
            Self::Keeper
            | Self::Etcd
            | Self::CoreDns
            | Self::Helm
            | Self::NetworkPolicies
            | Self::Kstatus => "-s -w".into(),
            _ => kubernetes_linker_flags(self.version()),
        }
    }

    /// Measured on two cores with a cold cache, each after those before it.
    fn expected(self) -> Duration {
        Duration::from_secs(match self {
            Self::Keeper | Self::Scheduler | Self::Proxy => 10,
            Self::Etcd => 85,
            Self::ApiServer => 320,
            Self::ControllerManager | Self::CoreDns => 65,
            Self::Kubelet => 20,
            Self::Kubectl | Self::Kstatus => 30,
            Self::Helm => 110,
            Self::NetworkPolicies => 60,
        })
    }
}

/// Builds the programs that the cache lacks, and says how long that may take.
pub(super) fn build_missing(cache: &Cache, programs: &[Program], progress: Progress) -> Result<()> {
    let missing: Vec<Program> =
        programs.iter().copied().filter(|program| !cache.program(*program).exists()).collect();
    for (index, program) in missing.iter().enumerate() {
        let left: Duration = missing[index..].iter().map(|program| program.expected()).sum();
        progress.say(&format!(
            "  {} of {} to build, about {} left",
            index + 1,
            missing.len(),
            estimate(left)
        ));
        build(cache, *program, progress)?;
    }
    Ok(())
}

fn build(cache: &Cache, program: Program, progress: Progress) -> Result<()> {
    let label = format!("build {} {}", program.name(), program.version());
    let step = progress.step(label.trim_end());
    let target = cache.program(program);
    let partial = target.with_file_name(format!(".{}.part", program.file_name()));
    compile(cache, program, &partial, progress)?;
    std::fs::rename(&partial, &target).map_err(Error::file("create", &target))?;
    step.done();
    Ok(())
}

/// Runs the compiler; it names each package it compiles, which moves the bar.
fn compile(cache: &Cache, program: Program, target: &Path, progress: Progress) -> Result<()> {
    let packages = run(go(cache, program).args(["list", "-deps", &program.package()]))?;
    let count = String::from_utf8_lossy(&packages.stdout).lines().count();
    let mut command = go(cache, program);
    command
        .args(["build", "-v", "-trimpath", "-ldflags", &program.linker_flags(), "-o"])
        .arg(target)
        .arg(program.package());
    let spelled = spelled(&command);
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|source| Error::Start { command: "go".into(), source })?;
    let bar = progress.bar(program.name().into(), count as u64);
    let mut printed = String::new();
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()) {
        printed += &line.map_err(Error::file("read the output of", "go build"))?;
        printed.push('\n');
        bar.inc(1);
    }
    bar.finish_and_clear();
    let status = child.wait().map_err(Error::file("wait for", "go build"))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Command { command: spelled, output: last_lines(&printed, 20) })
}

/// `go` in the program's module, with caches of its own that a user may simply delete.
fn go(cache: &Cache, program: Program) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(program.module())
        .env("GOCACHE", cache.go().join("build"))
        .env("GOMODCACHE", cache.go().join("mod"))
        .env("GOFLAGS", "-buildvcs=false -modcacherw")
        .env("CGO_ENABLED", "0");
    command
}

fn kubernetes_linker_flags(version: &str) -> String {
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let name = "k8s.io/component-base/version";
    format!("-s -w -X {name}.gitVersion=v{version} -X {name}.gitMajor={major} -X {name}.gitMinor={minor}")
}

/// The version at which a `go.mod` requires a module, without its "v".
fn required(go_mod: &'static str, module: &str) -> &'static str {
    go_mod
        .lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .filter_map(|line| line.strip_prefix(module)?.strip_prefix(" v"))
        .find_map(|rest| rest.split_whitespace().next())
        .unwrap_or("unversioned")
}

fn estimate(on_two_cores: Duration) -> String {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    spoken(on_two_cores * 2 / u32::try_from(cores).unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_modules() {
        assert_eq!(required("require k8s.io/kubernetes v1.36.3\n", "k8s.io/kubernetes"), "1.36.3");
        assert_eq!(required("require (\n\ta v0.1.0 // indirect\n\tb v2.0.1\n)", "b"), "2.0.1");
        for program in Program::needed(Mode::Full).iter().chain([
            &Program::Helm,
            &Program::NetworkPolicies,
            &Program::Kstatus,
        ]) {
            assert_ne!(program.version(), "unversioned", "{}", program.name());
        }
    }

    #[test]
    fn a_program_is_cached_under_its_version() {
        let version = Program::ApiServer.version();
        assert_eq!(Program::ApiServer.file_name(), format!("kube-apiserver-{version}"));
    }

    #[test]
    fn kubernetes_is_told_its_version() {
        let flags = kubernetes_linker_flags("1.36.3");
        assert!(flags.contains("gitVersion=v1.36.3") && flags.contains("gitMinor=36"), "{flags}");
    }

    #[test]
    fn the_fast_mode_builds_no_part_that_runs_pods() {
        assert!(!Program::needed(Mode::Fast).contains(&Program::Kubelet));
    }
}
