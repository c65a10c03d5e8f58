//! Git: bare mirrors of remote repositories, and what is read from them.
//!
//! ```text
//! refs (ls-remote) ─► fetch (only what is new) ─► resolve ─► read_file, read_tree, is_ancestor
//!      network                network                  object database of the mirror, no work tree
//! ```
//! A mirror keeps what it has when a fetch fails. libgit2 blocks, so each call runs on a thread for blocking work.

mod ancestry;
mod compact;
mod connection;
mod credentials;
mod error;
mod history;
mod http;
mod known_hosts;
mod limits;
mod mirror;
mod name;
mod object;
mod refs;
mod remote;
mod sources;
mod talk;
mod tree;

pub use credentials::{Credentials, Login, Secret};
pub use error::GitError;
pub use limits::Limits;
pub use mirror::Want;
pub use refs::{ReferenceKind, Refs, Resolved};
pub use remote::{Remote, RepositoryUrl};
pub use sources::Sources;
pub use tree::{Changes, Content, Snapshot, TreeFile};

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use slipway_plan::build::assets::SourceFile;
use slipway_plan::commit::CommitId;
use tokio::sync::OwnedMutexGuard;

use crate::signature::SignedContent;

/// All mirrors of this process, below one folder that no other process uses. Clones share them.
#[derive(Clone, Debug)]
pub struct Git {
    cache: Arc<Path>,
    network: Network,
    locks: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>,
}

/// What conversations with servers need.
#[derive(Clone, Debug)]
struct Network {
    limits: Limits,
    agent: ureq::Agent,
}

impl Git {
    /// Uses the folder `cache`, which is made when it does not exist. What an earlier process left there is used again.
    pub fn new(cache: impl Into<PathBuf>, limits: Limits) -> Result<Self, GitError> {
        let cache = cache.into();
        let options = slipway_libgit2::Options {
            connect: limits.connect_time,
            silence: limits.silence,
            object_bytes: limits.object_bytes,
            pack_objects: limits.pack_objects,
            http: http::transport,
        };
        slipway_libgit2::configure(options)
            .map_err(|reason| GitError::Setup { path: cache.clone(), reason })?;
        mirror::prepare(&cache)?;
        let network = Network { agent: http::agent(&limits), limits };
        Ok(Self { cache: cache.into(), network, locks: Arc::default() })
    }

    /// What the server has, by name (ls-remote). Nothing is fetched.
    pub async fn refs(&self, remote: &Remote) -> Result<Refs, GitError> {
        let network = self.network.clone();
        self.run(remote, None, move |repository, remote| connection::list(repository, remote, &network)).await
    }

    /// Brings what is wanted into the mirror. One fetch of a mirror runs at a time.
    pub async fn fetch(&self, remote: &Remote, want: Want) -> Result<(), GitError> {
        let lock = self.lock(remote).await?;
        let network = self.network.clone();
        let work = move |repository: &git2::Repository, remote: &Remote| {
            mirror::fetch(repository, remote, &want, &network)
        };
        self.run(remote, Some(lock), work).await
    }

    /// What is chosen from the server's branches and tags, with its commit, in the mirror: one conversation, whether or not
    /// there is something new. None when nothing is chosen, or the server has it not.
    pub async fn follow<C>(&self, remote: &Remote, choose: C) -> Result<Option<(String, CommitId)>, GitError>
    where
        C: FnOnce(&Refs) -> Option<String> + Send + 'static,
    {
        let lock = self.lock(remote).await?;
        let network = self.network.clone();
        let work = move |repository: &git2::Repository, remote: &Remote| {
            mirror::follow(repository, remote, &network, choose)
        };
        self.run(remote, Some(lock), work).await
    }

    /// Makes the mirror's branches and tags those of the server, fetching only when they differ, and returns them.
    pub async fn update(&self, remote: &Remote) -> Result<Refs, GitError> {
        let refs = self.refs(remote).await?;
        let wanted = refs.clone();
        let has_all = move |repository: &git2::Repository, remote: &Remote| {
            mirror::is_current(repository, &wanted).map_err(|source| object::unusable(remote, source))
        };
        if !self.run(remote, None, has_all).await? {
            self.fetch(remote, Want::Everything).await?;
        }
        Ok(refs)
    }

    /// The commit that a branch, a tag, or a full or abbreviated commit names in the mirror, in this order.
    /// A commit counts only when a branch or tag of the mirror contains it.
    pub async fn resolve(&self, remote: &Remote, reference: &str) -> Result<Resolved, GitError> {
        let reference = reference.to_owned();
        self.run(remote, None, move |repository, remote| history::resolve(repository, remote, &reference))
            .await
    }

    /// Whether the mirror has the commit, reachable or not.
    pub async fn has_commit(&self, remote: &Remote, commit: &CommitId) -> Result<bool, GitError> {
        let commit = commit.clone();
        self.run(remote, None, move |repository, _| Ok(history::has_commit(repository, &commit))).await
    }

    /// Whether `ancestor` is `descendant` or one of the commits it is built on, as far as the mirror knows.
    pub async fn is_ancestor(
        &self,
        remote: &Remote,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, GitError> {
        let (ancestor, descendant) = (ancestor.clone(), descendant.clone());
        let work = move |repository: &git2::Repository, remote: &Remote| {
            history::is_ancestor(repository, remote, &ancestor, &descendant)
        };
        self.run(remote, None, work).await
    }

    /// The signature of a commit of the mirror, and what it is about; `None` when it is not signed.
    pub async fn signed(
        &self,
        remote: &Remote,
        commit: &CommitId,
    ) -> Result<Option<SignedContent>, GitError> {
        let commit = commit.clone();
        self.run(remote, None, move |repository, remote| history::signed(repository, remote, &commit)).await
    }

    /// One file at a commit, or `None` when there is no such file.
    pub async fn read_file(
        &self,
        remote: &Remote,
        commit: &CommitId,
        path: &str,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let (commit, path, limits) = (commit.clone(), path.to_owned(), self.network.limits);
        let work = move |repository: &git2::Repository, remote: &Remote| {
            tree::read_file(repository, remote, &commit, &path, &limits)
        };
        self.run(remote, None, work).await
    }

    /// The files below a folder at a commit whose path `wanted` accepts, sorted by path. An empty `path` is the root.
    /// Symbolic links and submodules are not followed.
    pub async fn read_tree(
        &self,
        remote: &Remote,
        commit: &CommitId,
        path: &str,
        wanted: fn(&str) -> bool,
    ) -> Result<Vec<TreeFile>, GitError> {
        let (commit, path, limits) = (commit.clone(), path.to_owned(), self.network.limits);
        let work = move |repository: &git2::Repository, remote: &Remote| {
            tree::read_tree(repository, remote, &commit, &path, wanted, &limits)
        };
        self.run(remote, None, work).await
    }

    /// What differs between a snapshot and a commit; none when that cannot be told, and all has to be read.
    pub async fn read_changes(
        &self,
        remote: &Remote,
        before: &Snapshot,
        commit: &CommitId,
        wanted: fn(&str) -> bool,
    ) -> Result<Option<Changes>, GitError> {
        let (commit, before, limits) = (commit.clone(), before.clone(), self.network.limits);
        let work = move |repository: &git2::Repository, remote: &Remote| {
            Ok(tree::read_changes(repository, remote, &before, &commit, wanted, &limits))
        };
        self.run(remote, None, work).await
    }

    /// What a container that has `from`, or nothing, needs to have `to`. None when `from` is not, or no longer, in the
    /// history of any branch or tag of the mirror.
    pub async fn sources(
        &self,
        remote: &Remote,
        from: Option<&CommitId>,
        to: &CommitId,
    ) -> Result<Option<Sources>, GitError> {
        let (from, to, limits) = (from.cloned(), to.clone(), self.network.limits);
        let work = move |repository: &git2::Repository, remote: &Remote| {
            sources::prepare(repository, remote, from.as_ref(), &to, &limits)
        };
        self.run(remote, None, work).await
    }

    /// All files and links of a commit, without what is in them.
    pub async fn files(&self, remote: &Remote, commit: &CommitId) -> Result<Vec<SourceFile>, GitError> {
        let (commit, limits) = (commit.clone(), self.network.limits);
        let work = move |repository: &git2::Repository, remote: &Remote| {
            sources::files(repository, remote, &commit, &limits)
        };
        self.run(remote, None, work).await
    }

    /// The files and links of a commit whose path `wanted` accepts, all with one time.
    pub async fn some_sources(
        &self,
        remote: &Remote,
        commit: &CommitId,
        wanted: impl Fn(&[u8]) -> bool + Send + 'static,
    ) -> Result<Sources, GitError> {
        let (commit, limits) = (commit.clone(), self.network.limits);
        let work = move |repository: &git2::Repository, remote: &Remote| {
            sources::some(repository, remote, &commit, wanted, &limits)
        };
        self.run(remote, None, work).await
    }

    /// Writes sources as an archive that the agent unpacks, on a thread for blocking work.
    pub async fn write_sources<W>(&self, remote: &Remote, sources: Sources, to: W) -> Result<W, GitError>
    where
        W: Write + Send + 'static,
    {
        let work = move |repository: &git2::Repository, remote: &Remote| {
            sources::write(repository, remote, &sources, to)
        };
        self.run(remote, None, work).await
    }

    async fn lock(&self, remote: &Remote) -> Result<OwnedMutexGuard<()>, GitError> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(remote.folder()).or_default())
        };
        tokio::time::timeout(self.network.limits.patience(), lock.lock_owned()).await.map_err(|_| {
            GitError::TimedOut { url: remote.url.clone(), after: self.network.limits.patience() }
        })
    }

    // The lock goes to the thread: when the caller stops waiting, the thread may still be at work on the mirror.
    async fn run<T, W>(
        &self,
        remote: &Remote,
        lock: Option<OwnedMutexGuard<()>>,
        work: W,
    ) -> Result<T, GitError>
    where
        T: Send + 'static,
        W: FnOnce(&git2::Repository, &Remote) -> Result<T, GitError> + Send + 'static,
    {
        let (folder, owned) = (self.cache.join(remote.folder()), remote.clone());
        let thread = tokio::task::spawn_blocking(move || {
            let repository = mirror::open(&folder)?;
            let outcome = work(&repository, &owned);
            if matches!(&outcome, Err(error) if error.is_damage()) {
                mirror::drop_damaged(repository, &folder);
            }
            drop(lock);
            outcome
        });
        match tokio::time::timeout(self.network.limits.patience(), thread).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(source)) => Err(GitError::Interrupted { url: remote.url.clone(), source }),
            Err(_) => {
                Err(GitError::TimedOut { url: remote.url.clone(), after: self.network.limits.patience() })
            }
        }
    }
}
