//! The command line tool, run as a person or a pipeline runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use slipway_demo::Program;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::world::World;

/// `slipway` for one fleet's namespace, in a folder of its own.
pub struct Slipway {
    context: String,
    namespace: String,
    kubeconfig: PathBuf,
    folder: TempDir,
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// What it printed, errors included.
    pub printed: String,
}

impl Slipway {
    /// For the fleet in this namespace.
    pub fn new(world: &World, namespace: &str) -> Result<Self> {
        let cluster = world.demo.cluster();
        Ok(Self {
            context: format!("slipway-{}", cluster.id()),
            namespace: namespace.to_owned(),
            kubeconfig: cluster.kubeconfig_path(),
            folder: TempDir::new()?,
        })
    }

    /// The folder in which it is called.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Begins it with these words and an open standard input; what it prints on standard output is for the caller, and it ends when it is dropped.
    pub fn begin(&self, words: &[&str]) -> Result<Child> {
        let mut command = self.command(words)?;
        let begun = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        begun.with_context(|| format!("cannot run slipway {words:?}"))
    }

    fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(Program::Cli.path()?);
        // Before the words: what follows `--` is somebody else's.
        command.args(["--context", &self.context, "--namespace", &self.namespace]).args(words);
        command.env("KUBECONFIG", &self.kubeconfig).current_dir(self.folder.path());
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// Runs it with these words.
    pub async fn run(&self, words: &[&str]) -> Result<Ended> {
        let output =
            self.command(words)?.output().await.with_context(|| format!("cannot run slipway {words:?}"))?;
        let text = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&text).into_owned();
        Ok(Ended { code: output.status.code().unwrap_or(-1), printed })
    }

    /// Runs it; an error when it does not end with this code.
    pub async fn ends_with(&self, code: i32, words: &[&str]) -> Result<Ended> {
        let ended = self.run(words).await?;
        ensure!(
            ended.code == code,
            "slipway {words:?} ended with {}, not {code}:\n{}",
            ended.code,
            ended.printed
        );
        Ok(ended)
    }

    /// A work tree of a branch, as a person clones it, in its folder.
    pub async fn clone_of(&self, url: &str, branch: &str) -> Result<PathBuf> {
        let tree = self.folder.path().join("clone");
        let mut git = Command::new("git");
        git.args(["clone", "--quiet", "--branch", branch, url]).arg(&tree).stdin(Stdio::null());
        let output = git.output().await.context("cannot start git")?;
        ensure!(output.status.success(), "git clone: {}", String::from_utf8_lossy(&output.stderr));
        Ok(tree)
    }

    /// Files below a folder that it wrote into, by name with their content.
    pub fn files(&self, folder: &str) -> Result<Vec<(String, String)>> {
        let path = self.folder.path().join(folder);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&path).with_context(|| format!("there is no folder {folder}"))? {
            let entry = entry?;
            files.push((
                entry.file_name().to_string_lossy().into_owned(),
                std::fs::read_to_string(entry.path())?,
            ));
        }
        files.sort();
        Ok(files)
    }
}
