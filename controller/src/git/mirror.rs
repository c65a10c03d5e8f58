//! The bare repositories on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use git2::{AutotagOption, Direction, FetchOptions, Oid, RemoteRedirect, Repository, RepositoryInitOptions};
use slipway_plan::commit::CommitId;
use tracing::warn;

use super::connection::{self, Conversation};
use super::object::{object, unusable};
use super::{GitError, Network, Refs, Remote, compact, history};

/// What a fetch is to bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A branch or tag by its full name, for example `refs/heads/main`. A new mirror takes its last commit only, a later
    /// fetch all commits since.
    Reference(String),
    /// A branch or tag by its full name, with all of its history.
    History(String),
    /// A commit, with all branches and tags and their history when the mirror does not have it yet.
    Commit(CommitId),
    /// All branches and tags with their history; those that left the server leave the mirror.
    Everything,
}

const ASIDE: &str = "new-";

/// Takes over what an earlier process left: its mirrors are good, its locks and half packs are nobody's.
pub(super) fn prepare(cache: &Path) -> Result<(), GitError> {
    let failed = |source| GitError::Cache { path: cache.to_owned(), source };
    fs::create_dir_all(cache).map_err(failed)?;
    for entry in fs::read_dir(cache).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "git") {
            remove_leftovers(&path).map_err(failed)?;
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(ASIDE)) {
            fs::remove_dir_all(&path).map_err(failed)?;
        }
    }
    Ok(())
}

fn remove_leftovers(folder: &Path) -> Result<(), std::io::Error> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            remove_leftovers(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "lock") || is_half_a_pack(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

// What libgit2 calls a pack while it is received.
fn is_half_a_pack(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pack_git2_"))
}

/// Opens the mirror in `folder`, or makes an empty one. One that cannot be opened is made anew.
pub(super) fn open(folder: &Path) -> Result<Repository, GitError> {
    match Repository::open_bare(folder) {
        Ok(repository) => Ok(repository),
        Err(_) => create(folder).map_err(|source| GitError::Cache { path: folder.to_owned(), source }),
    }
}

// Made aside and moved into place, so that nobody ever sees half of one.
fn create(folder: &Path) -> Result<Repository, std::io::Error> {
    let parent = folder.parent().unwrap_or(folder);
    let aside = tempfile::Builder::new().prefix(ASIDE).tempdir_in(parent)?;
    initialise(aside.path()).map_err(std::io::Error::other)?;
    if fs::rename(aside.path(), folder).is_err() && Repository::open_bare(folder).is_err() {
        fs::remove_dir_all(folder).or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        fs::rename(aside.path(), folder)?;
    }
    Repository::open_bare(folder).map_err(std::io::Error::other)
}

/// Drops a mirror whose objects cannot be read: the next look at its repository fetches them again.
pub(super) fn drop_damaged(repository: Repository, folder: &Path) {
    drop(repository);
    let parent = folder.parent().unwrap_or(folder);
    let moved = tempfile::Builder::new().prefix(ASIDE).tempdir_in(parent);
    let moved = moved.and_then(|aside| fs::rename(folder, aside.path().join("damaged")));
    match moved {
        Ok(()) => warn!(mirror = %folder.display(), "a mirror was damaged; its repository is fetched anew"),
        Err(error) => warn!(mirror = %folder.display(), %error, "a damaged mirror could not be dropped"),
    }
}

fn initialise(folder: &Path) -> Result<(), git2::Error> {
    let mut options = RepositoryInitOptions::new();
    let repository = Repository::init_opts(folder, options.bare(true).external_template(false))?;
    // A redirect to another host would take the credentials along; libgit2 follows the first one unless told here.
    repository.config()?.set_bool("http.followRedirects", false)
}

/// Whether the mirror has all branches and tags of `refs`, with their history, and no others.
pub(super) fn is_current(repository: &Repository, refs: &Refs) -> Result<bool, git2::Error> {
    let wanted: BTreeMap<String, Oid> = wanted(refs).collect();
    Ok(!repository.is_shallow() && local(repository)? == wanted)
}

fn wanted(refs: &Refs) -> impl Iterator<Item = (String, Oid)> {
    refs.branches_and_tags().filter_map(|(name, id)| Some((name.to_owned(), object(id).ok()?)))
}

// Branches and tags of the mirror, each with its object.
fn local(repository: &Repository) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let mut found = BTreeMap::new();
    for reference in repository.references()? {
        let reference = reference?;
        if let (Ok(name), Some(id)) = (reference.name(), reference.target()) {
            found.insert(name.to_owned(), id);
        }
    }
    Ok(found)
}

/// Brings what is wanted. The caller holds the mirror's lock.
pub(super) fn fetch(
    repository: &Repository,
    remote: &Remote,
    want: &Want,
    network: &Network,
) -> Result<(), GitError> {
    if let Want::Commit(commit) = want
        && history::is_reachable(repository, object(commit).map_err(|e| unusable(remote, e))?)
            .map_err(|e| unusable(remote, e))?
    {
        return Ok(());
    }
    ask(repository, remote, network, |_| Ok(((), Some(want.clone()))))
}

/// What is chosen from the server's branches and tags, with its commit, which is brought when the mirror has it not yet. The
/// caller holds the mirror's lock.
pub(super) fn follow(
    repository: &Repository,
    remote: &Remote,
    network: &Network,
    choose: impl FnOnce(&Refs) -> Option<String>,
) -> Result<Option<(String, CommitId)>, GitError> {
    ask(repository, remote, network, |refs| {
        let found = choose(refs).and_then(|name| Some((refs.commit(&name)?.clone(), name)));
        let Some((commit, name)) = found else { return Ok((None, None)) };
        let want = (!history::has_commit(repository, &commit)).then(|| Want::Reference(name.clone()));
        Ok((Some((name, commit)), want))
    })
}

/// One conversation: a server is asked what it has, and for what is wanted then.
fn ask<T>(
    repository: &Repository,
    remote: &Remote,
    network: &Network,
    decide: impl FnOnce(&Refs) -> Result<(T, Option<Want>), GitError>,
) -> Result<T, GitError> {
    let conversation = Conversation::new(remote, network);
    let explain = |source| conversation.explain(source);
    let mut server = repository.remote_anonymous(remote.url.as_str()).map_err(explain)?;
    let mut connection =
        server.connect_auth(Direction::Fetch, Some(conversation.callbacks()), None).map_err(explain)?;
    let refs = connection::refs(connection.list().map_err(explain)?);
    if refs.is_empty() {
        return Err(GitError::RepositoryEmpty { url: remote.url.clone() });
    }
    let (answer, want) = decide(&refs)?;
    let Some(want) = want else { return Ok(answer) };
    check(&refs, remote, &want)?;
    remove_stale(repository, &refs).map_err(explain)?;
    let mut options = FetchOptions::new();
    options
        .remote_callbacks(conversation.callbacks())
        .download_tags(AutotagOption::None)
        .update_fetchhead(false)
        .follow_redirects(RemoteRedirect::None)
        .depth(depth(repository, &want).map_err(explain)?);
    connection.remote().fetch(&specs(&want), Some(&mut options), None).map_err(explain)?;
    if let Err(error) = compact::compact(repository, network.limits.packs) {
        warn!(url = %remote.url, %error, "a mirror could not be compacted; it is slower and as good");
    }
    Ok(answer)
}

fn check(refs: &Refs, remote: &Remote, want: &Want) -> Result<(), GitError> {
    match want {
        Want::Reference(name) | Want::History(name) if refs.get(name).is_none() => {
            Err(GitError::ReferenceNotFound { url: remote.url.clone(), reference: name.clone() })
        }
        _ => Ok(()),
    }
}

// Before the fetch: a branch `fix` that left would be in the way of a branch `fix/typo` that came.
fn remove_stale(repository: &Repository, refs: &Refs) -> Result<(), git2::Error> {
    for name in local(repository)?.into_keys().filter(|name| refs.get(name).is_none()) {
        repository.find_reference(&name)?.delete()?;
    }
    Ok(())
}

const SHALLOW: i32 = 1;
const SINCE_LAST: i32 = 0;
/// What libgit2 calls `GIT_FETCH_DEPTH_UNSHALLOW`.
const ALL: i32 = i32::MAX;

fn depth(repository: &Repository, want: &Want) -> Result<i32, git2::Error> {
    let is_new = repository.references()?.next().is_none();
    Ok(match want {
        Want::Reference(_) if is_new => SHALLOW,
        Want::History(_) | Want::Commit(_) | Want::Everything if repository.is_shallow() => ALL,
        _ => SINCE_LAST,
    })
}

fn specs(want: &Want) -> Vec<String> {
    match want {
        Want::Reference(name) | Want::History(name) => vec![format!("+{name}:{name}")],
        Want::Commit(_) | Want::Everything => {
            vec!["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()]
        }
    }
}
