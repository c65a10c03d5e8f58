//! A tree into a running container: `slipway sync`, and rsync through `kubectl exec`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;
use slipway_demo::{NAMESPACE, Program};
use slipway_images::shared_libraries;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use super::figures::pairs;
use super::starts::ENVIRONMENT;
use super::tree;
use super::yard::{PATIENCE, SERVICE, Yard};
use crate::figure::Section;

/// Where rsync puts the tree, and where it is itself, in the container.
const COPIED: &str = "/tmp/copied";
const RSYNC: &str = "/tmp/rsync";

/// First sync and one saved file, each by both.
pub async fn measure(yard: &Yard, files: usize, rounds: usize) -> Result<Section> {
    let sync = Sync::open(yard).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        sync.without_tree().await?;
        tree::write(sync.folder.path(), files)?;
        ours.push(sync.once().await?);
        theirs.push(sync.rsync().await?);
        eprintln!("  {files} files: first {ours:.2?} s, rsync {theirs:.2?} s");
    }
    let mut again = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        sync.save(&format!("once {round}"))?;
        again.0.push(sync.once().await?);
        again.1.push(sync.rsync().await?);
    }
    again.2 = sync.saved(rounds).await?;
    let figures = [
        pairs("first sync", ours, "rsync through kubectl exec, first", theirs),
        pairs(
            "one file, slipway sync --once",
            again.0,
            "rsync through kubectl exec, one file",
            again.1.clone(),
        ),
        pairs("one file, slipway sync that follows: saved to the same", again.2, "rsync again", again.1),
    ];
    Ok(Section {
        title: format!("A tree of {files} files into a running container"),
        figures: figures.concat(),
    })
}

struct Sync<'a> {
    yard: &'a Yard,
    /// A clone of the service's repository.
    folder: TempDir,
    tools: TempDir,
}

impl<'a> Sync<'a> {
    async fn open(yard: &'a Yard) -> Result<Self> {
        let sync = Self { yard, folder: TempDir::new()?, tools: TempDir::new()? };
        let clone = ["clone", "--quiet", &yard.demo.clone_url(SERVICE)].map(str::to_owned);
        let ended = Command::new("git").args(clone).arg(sync.folder.path()).status().await?;
        ensure!(ended.success(), "cannot clone {SERVICE}");
        sync.bring_rsync().await?;
        Ok(sync)
    }

    /// Neither side has the tree.
    async fn without_tree(&self) -> Result<()> {
        let tree = self.folder.path().join("tree");
        if tree.exists() {
            std::fs::remove_dir_all(tree)?;
        }
        self.once().await?;
        self.exec(&["rm", "-rf", COPIED], None).await
    }

    fn save(&self, word: &str) -> Result<()> {
        Ok(std::fs::write(tree::one(self.folder.path()), format!("-- {word}\n"))?)
    }

    fn slipway(&self, more: &[&str]) -> Result<Command> {
        let cluster = self.yard.demo.cluster();
        let mut command = Command::new(Program::Cli.path()?);
        command.args(["--context", &format!("slipway-{}", cluster.id()), "--namespace", NAMESPACE]);
        command.args(["sync", SERVICE]).arg(self.folder.path()).args(["--env", ENVIRONMENT, "--no-reload"]);
        command.args(more).env("KUBECONFIG", cluster.kubeconfig_path()).kill_on_drop(true);
        Ok(command)
    }

    async fn once(&self) -> Result<f64> {
        timed(&mut self.slipway(&["--once"])?).await
    }

    /// Saves a file while a sync follows the folder; seconds until it says that both are the same.
    async fn saved(&self, rounds: usize) -> Result<Vec<f64>> {
        let mut command = self.slipway(&["--output", "json"])?;
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start slipway sync")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        until_equal(&mut lines, 0).await?;
        let mut took = Vec::new();
        for round in 0..rounds {
            let begun = Instant::now();
            self.save(&format!("followed {round}"))?;
            until_equal(&mut lines, 1).await?;
            took.push(begun.elapsed().as_secs_f64());
        }
        child.kill().await?;
        Ok(took)
    }

    async fn rsync(&self) -> Result<f64> {
        let shell = self.tools.path().join("into-the-container");
        let mut command = Command::new("rsync");
        command.args(["--archive", "--delete", "--exclude=.git", "--rsync-path", &format!("{RSYNC}/start")]);
        command.arg("--rsh").arg(shell).arg(format!("{}/", self.folder.path().display()));
        command.arg(format!("container:{COPIED}/"));
        timed(&mut command).await
    }

    /// The base image has no rsync: this machine's, with its libraries, and what stands for ssh.
    async fn bring_rsync(&self) -> Result<()> {
        let found = ["/usr/bin/rsync", "/usr/local/bin/rsync"].map(PathBuf::from);
        let program = found.into_iter().find(|path| path.exists()).context("apt-get install rsync")?;
        let kit = self.tools.path().join("kit");
        std::fs::create_dir(&kit)?;
        let mut loader = None;
        for file in shared_libraries(&program)?.iter().chain([&program]) {
            let name = file.file_name().context("a library without a name")?;
            if name.to_string_lossy().starts_with("ld-linux") {
                loader = Some(name.to_string_lossy().into_owned());
            }
            std::fs::copy(file, kit.join(name))?;
        }
        let loader = loader.context("rsync has no loader")?;
        let start = format!("#!/bin/sh\nexec {RSYNC}/{loader} --library-path {RSYNC} {RSYNC}/rsync \"$@\"\n");
        write_program(&kit.join("start"), &start)?;
        let packed = Command::new("tar").args(["-C"]).arg(&kit).args(["-c", "."]).output().await?;
        let unpack = format!("mkdir -p {RSYNC} && tar -x -C {RSYNC}");
        self.exec(&["sh", "-c", &unpack], Some(packed.stdout)).await?;
        let words = self.kubectl_exec().await?.join(" ");
        write_program(
            &self.tools.path().join("into-the-container"),
            &format!("#!/bin/sh\nshift\nexec {words} \"$@\"\n"),
        )
    }

    async fn kubectl_exec(&self) -> Result<Vec<String>> {
        let cluster = self.yard.demo.cluster();
        let environment = self.yard.demo.environments().get(ENVIRONMENT).await?;
        let status = environment.status.context("the environment has no status")?;
        let namespace = status.namespace.context("the environment has no namespace")?.name;
        let pods: Api<Pod> = Api::namespaced(self.yard.demo.client().clone(), &namespace);
        let label = format!("{}={SERVICE}", slipway_crds::names::SERVICE);
        let pods = pods.list(&ListParams::default().labels(&label)).await?.items;
        let alive = pods.iter().find(|pod| pod.metadata.deletion_timestamp.is_none());
        let pod = alive.and_then(|pod| pod.metadata.name.clone()).context("the service has no pod")?;
        let (program, config) = (cluster.kubectl_path(), cluster.kubeconfig_path());
        let mut words = vec![program.to_string_lossy().into_owned(), "--kubeconfig".to_owned()];
        words.push(config.to_string_lossy().into_owned());
        let rest = ["--namespace", &namespace, "exec", "--stdin", &pod, "--container", SERVICE, "--"];
        words.extend(rest.map(str::to_owned));
        Ok(words)
    }

    async fn exec(&self, command: &[&str], input: Option<Vec<u8>>) -> Result<()> {
        use tokio::io::AsyncWriteExt;
        let words = self.kubectl_exec().await?;
        let (program, before) = words.split_first().context("no kubectl")?;
        let mut child = Command::new(program)
            .args(before)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start kubectl")?;
        let mut stdin = child.stdin.take().context("kubectl has no input")?;
        stdin.write_all(&input.unwrap_or_default()).await?;
        drop(stdin);
        ensure!(child.wait().await?.success(), "{} failed in the container", command.join(" "));
        Ok(())
    }
}

fn write_program(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

async fn timed(command: &mut Command) -> Result<f64> {
    let begun = Instant::now();
    let ended = command.output().await.context("cannot start it")?;
    let took = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{:?}: {}", command.as_std(), said.trim());
    Ok(took)
}

/// Reads news of a sync until both trees are the same, after so many files at least were sent.
async fn until_equal(lines: &mut Lines<BufReader<ChildStdout>>, files: u64) -> Result<()> {
    let equal = async {
        while let Some(line) = lines.next_line().await? {
            let news: Value = serde_json::from_str(&line)?;
            let sent = news["files"].as_u64().is_some_and(|sent| sent >= files);
            if news["event"] == "synced" && news["equal"] == true && sent {
                return Ok(());
            }
        }
        bail!("slipway sync ended")
    };
    tokio::time::timeout(PATIENCE, equal).await.context("slipway sync does not get done")?
}
