//! What a user would do instead: a Containerfile with the same states, buildah, and a push.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use slipway_demo::{OPS, TRUNK};
use tempfile::TempDir;

use super::yard::{SERVICE, Yard};

/// In the order in which least is done again: the service's code is last, for the states do not read it.
const CONTAINERFILE: &str = "ARG BASE
FROM ${BASE}
COPY minion /etc/salt/minion
COPY ops /srv/ops
RUN salt-call --local --retcode-passthrough --log-level=warning state.apply
COPY service /srv/service
CMD [\"runsvdir\", \"-P\", \"/etc/service\"]
";

/// The base image in buildah's store.
const BASE: &str = "localhost/base:1";

/// buildah with a store of its own.
pub struct Buildah {
    folder: TempDir,
    registry: String,
}

impl Buildah {
    /// With the base image in its store.
    pub fn open(yard: &Yard) -> Result<Self> {
        let me = Self { folder: TempDir::new()?, registry: yard.registry_here()? };
        std::fs::create_dir(me.context())?;
        std::fs::write(me.context().join("Containerfile"), CONTAINERFILE)?;
        std::fs::write(me.context().join(".containerignore"), "**/.git\n")?;
        std::fs::write(me.context().join("minion"), minion().to_string())?;
        // buildah 1.28 caches layers only on an image whose history counts them: the base as one layer has one.
        let base = format!("{}/base:1", me.registry);
        me.run(&["from", "--tls-verify=false", "--name", "base", &base])?;
        me.run(&["commit", "--quiet", "--squash", "--rm", "base", BASE])?;
        Ok(me)
    }

    /// Builds the newest commits and pushes them as `by-hand:<tag>`; the clone that is built from is there before.
    pub fn build(&self, yard: &Yard, tag: &str, cache: bool) -> Result<Duration> {
        for (name, folder) in [(OPS, "ops"), (SERVICE, "service")] {
            check_out(yard.repository(name).path(), &self.context().join(folder))?;
        }
        let (target, context) = (self.reference(tag), self.context().to_string_lossy().into_owned());
        let cache = if cache { "--layers=true" } else { "--no-cache" };
        let base = format!("BASE={BASE}");
        let begun = Instant::now();
        let build = [
            "build",
            "--quiet",
            "--pull=never",
            "--tls-verify=false",
            cache,
            "--build-arg",
            &base,
            "--tag",
            &target,
        ];
        self.run(&[&build[..], &[&context]].concat())?;
        self.run(&["push", "--quiet", "--tls-verify=false", &target])?;
        Ok(begun.elapsed())
    }

    /// An image of its own, as this machine names it.
    fn reference(&self, tag: &str) -> String {
        format!("{}/by-hand:{tag}", self.registry)
    }

    fn context(&self) -> PathBuf {
        self.folder.path().join("context")
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        // What buildah leaves mounted goes with the namespace of the call.
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "buildah"])
            .arg("--root")
            .arg(self.folder.path().join("store"));
        command.arg("--runroot").arg(self.folder.path().join("run"));
        command.env("STORAGE_DRIVER", "overlay").env("BUILDAH_ISOLATION", "chroot");
        let ended =
            command.args(arguments).output().context("cannot start buildah: apt-get install buildah")?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "buildah {}: {}", arguments.join(" "), said.trim());
        Ok(())
    }
}

/// As the agent tells salt.
fn minion() -> serde_json::Value {
    json!({
        "id": SERVICE,
        "master_type": "disable",
        "file_client": "local",
        "file_roots": {"base": ["/srv/ops/states"]},
        "pillar_roots": {"base": ["/srv/ops/pillar"]},
        "grains": {"role": SERVICE, "service": SERVICE, "service_folder": "/srv/service"},
        "log_level_logfile": "quiet",
        "enable_fqdns_grains": false,
        "enable_gpu_grains": false,
    })
}

/// The trunk of a repository as files; what did not change keeps its time, as in a clone.
fn check_out(repository: &Path, folder: &Path) -> Result<()> {
    let folder = folder.to_string_lossy();
    let mut command = Command::new("git");
    if Path::new(&*folder).exists() {
        command.args(["-C", &folder, "pull", "--quiet", "--ff-only"]);
    } else {
        command.args(["clone", "--quiet", "--branch", TRUNK]).arg(repository).arg(&*folder);
    }
    let ended = command.output().context("cannot start git")?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "cannot check {} out: {}", repository.display(), said.trim());
    Ok(())
}
