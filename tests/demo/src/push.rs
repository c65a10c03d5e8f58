//! Commit and push over HTTP, as a person does from a clone.

use anyhow::{Context, Result, bail};
use git2::{PushOptions, RemoteCallbacks};
use tempfile::TempDir;

use crate::repository::{Change, Repository, TRUNK};

/// A commit that the git server has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The commit.
    pub commit: String,
    /// What the server's hook said.
    pub said: String,
}

/// Commits on top of a branch, or of the trunk when there is no such branch, in a clone of `served` that is thrown
/// away, and pushes it to `url`.
pub(crate) fn commit_and_push(
    served: &Repository,
    url: &str,
    branch: &str,
    changes: &[Change],
) -> Result<Pushed> {
    let scratch = TempDir::new()?;
    let clone = Repository::create(scratch.path(), "clone")?;
    let git = clone.git()?;
    let path = served.path().to_string_lossy().into_owned();
    let fetched = git.remote_anonymous(&path)?.fetch(&["+refs/heads/*:refs/heads/*"], None, None);
    fetched.with_context(|| format!("cannot clone {path}"))?;
    let parent = clone.head(branch)?.map_or_else(|| clone.head(TRUNK), |head| Ok(Some(head)))?;
    let commit = clone.commit_on(parent.as_deref(), branch, &message(changes), changes)?;
    let said = push(&git, url, branch).with_context(|| format!("cannot push {branch} to {url}"))?;
    Ok(Pushed { commit, said })
}

fn message(changes: &[Change]) -> String {
    let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    format!("Change {}", paths.join(", "))
}

fn push(git: &git2::Repository, url: &str, branch: &str) -> Result<String> {
    let (mut said, mut refused) = (Vec::new(), None);
    let mut callbacks = RemoteCallbacks::new();
    callbacks.sideband_progress(|bytes| {
        said.extend_from_slice(bytes);
        true
    });
    callbacks.push_update_reference(|_, status| {
        refused = status.map(str::to_owned);
        Ok(())
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks);
    let name = format!("refs/heads/{branch}");
    git.remote_anonymous(url)?.push(&[format!("{name}:{name}")], Some(&mut options))?;
    drop(options);
    match refused {
        Some(reason) => bail!("the server refuses {branch}: {reason}"),
        None => Ok(String::from_utf8_lossy(&said).into_owned()),
    }
}
