//! Git that means harm: bad packs, servers that lie or crawl, names and trees that no repository should have.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, also in what they share")]

#[path = "../support/mod.rs"]
mod support;
mod trees;
mod wire;

use std::path::Path;

use slipway_controller::git::{Content, Git, GitError, Limits, Remote, Want};
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::files::is_manifest;
use support::git_server::{Behaviour, GitServer};
use support::repository::Repository;
use support::tamper::Tamper;

const MAIN: &str = "refs/heads/main";
const FILE: &str = "100644";
const FOLDER: &str = "40000";

fn limits() -> Limits {
    Limits { object_bytes: 4 * 1024 * 1024, ..Limits::default() }
}

struct World {
    server: GitServer,
    repository: Repository,
    git: Git,
    remote: Remote,
    cache: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(limits()).await
    }

    async fn with(limits: Limits) -> Self {
        let server = GitServer::start().await;
        let repository = server.repository("fleet.git");
        let cache = tempfile::tempdir().unwrap();
        let git = Git::new(cache.path(), limits).unwrap();
        let remote = Remote::public(&server.url("fleet.git")).unwrap();
        Self { server, repository, git, remote, cache }
    }

    fn tamper(&self, tamper: Tamper) {
        self.server.behave(Behaviour { tamper: Some(tamper), ..Behaviour::default() });
    }

    async fn fetch(&self) -> Result<(), GitError> {
        self.git.fetch(&self.remote, Want::Reference(MAIN.to_owned())).await
    }

    async fn read(&self, commit: &CommitId) -> Result<Vec<(String, Content)>, GitError> {
        let files = self.git.read_tree(&self.remote, commit, "", is_manifest).await?;
        Ok(files.into_iter().map(|file| (file.path, file.content)).collect())
    }

    async fn has(&self, commit: &CommitId) -> bool {
        self.git.has_commit(&self.remote, commit).await.unwrap()
    }
}

fn text(content: &str) -> Content {
    Content::Bytes(content.as_bytes().to_vec())
}

fn one(path: &str, content: &str) -> Vec<(String, Content)> {
    vec![(path.to_owned(), text(content))]
}

fn files_below(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path.to_string_lossy().into_owned());
        }
    }
}

/// Text that does not pack well.
fn noise() -> String {
    (0..4000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect::<Vec<_>>().join("\n")
}
