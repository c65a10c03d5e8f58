//! A bare repository on disk, and commits into it without a work tree.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use git2::{FileMode, Oid, RepositoryInitOptions, Signature, Time, Tree, build::TreeUpdateBuilder};

/// The branch that everyone builds on.
pub const TRUNK: &str = "main";

/// Seconds since 1970 of every first commit: the same files have the same commit on every machine.
const FIRST_COMMIT: i64 = 1_436_404_888;

/// One file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path in the repository.
    pub path: String,
    /// New content; none removes the file.
    pub content: Option<Vec<u8>>,
    /// Whether it can be run.
    pub executable: bool,
}

impl Change {
    /// Writes a file that is not run.
    pub fn write(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.to_owned(), content: Some(content.into()), executable: false }
    }

    /// Removes a file.
    pub fn remove(path: &str) -> Self {
        Self { path: path.to_owned(), content: None, executable: false }
    }

    /// Everything below a directory of this machine, sorted.
    pub fn tree(directory: &Path) -> Result<Vec<Self>> {
        let mut changes = Vec::new();
        collect(directory, "", &mut changes)?;
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(changes)
    }
}

fn collect(directory: &Path, prefix: &str, changes: &mut Vec<Change>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            collect(&entry.path(), &format!("{path}/"), changes)?;
        } else {
            let content = fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
            let executable = metadata.permissions().mode() & 0o100 != 0;
            changes.push(Change { path, content: Some(content), executable });
        }
    }
    Ok(())
}

/// A bare repository that a [`crate::GitServer`] can serve.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
}

impl Repository {
    /// Makes `<directory>/<name>.git`, open to reading and pushing.
    pub fn create(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(format!("{name}.git"));
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head(TRUNK).external_template(false);
        let repository = git2::Repository::init_opts(&path, &options)
            .with_context(|| format!("cannot make the repository {}", path.display()))?;
        let mut config = repository.config()?;
        config.set_bool("http.receivepack", true)?;
        config.set_bool("uploadpack.allowAnySHA1InWant", true)?;
        Ok(Self { path })
    }

    /// A repository that is there already.
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Commits on top of a branch, which is made from nothing when it does not exist. Returns the commit.
    pub fn commit(&self, branch: &str, message: &str, changes: &[Change]) -> Result<String> {
        let head = self.head(branch)?;
        self.commit_on(head.as_deref(), branch, message, changes)
    }

    /// Commits on top of another commit and lets the branch point there, whatever it pointed at: this also rewrites
    /// history.
    pub fn commit_on(
        &self,
        parent: Option<&str>,
        branch: &str,
        message: &str,
        changes: &[Change],
    ) -> Result<String> {
        let repository = self.git()?;
        let parent = parent.map(|commit| repository.find_commit(Oid::from_str(commit)?)).transpose()?;
        let tree = match &parent {
            Some(parent) => parent.tree()?,
            None => repository.find_tree(repository.treebuilder(None)?.write()?)?,
        };
        let tree = repository.find_tree(write_tree(&repository, &tree, changes)?)?;
        let time = parent.as_ref().map_or(FIRST_COMMIT, |parent| parent.time().seconds() + 1);
        let author = Signature::new("Emma", "emma@slipway.test", &Time::new(time, 0))?;
        let parents: Vec<_> = parent.iter().collect();
        let commit = repository.commit(None, &author, &author, message, &tree, &parents)?;
        repository.reference(&format!("refs/heads/{branch}"), commit, true, message)?;
        Ok(commit.to_string())
    }

    /// Removes a branch.
    pub fn delete_branch(&self, branch: &str) -> Result<()> {
        let repository = self.git()?;
        Ok(repository.find_reference(&format!("refs/heads/{branch}"))?.delete()?)
    }

    /// Makes or moves a tag.
    pub fn tag(&self, tag: &str, commit: &str) -> Result<()> {
        let repository = self.git()?;
        repository.reference(&format!("refs/tags/{tag}"), Oid::from_str(commit)?, true, "tag")?;
        Ok(())
    }

    /// The commit a branch points at; none when it does not exist.
    pub fn head(&self, branch: &str) -> Result<Option<String>> {
        match self.git()?.refname_to_id(&format!("refs/heads/{branch}")) {
            Ok(commit) => Ok(Some(commit.to_string())),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All branches with their commits.
    pub fn branches(&self) -> Result<Vec<(String, String)>> {
        let repository = self.git()?;
        let mut branches = Vec::new();
        for reference in repository.references_glob("refs/heads/*")? {
            let reference = reference?;
            let name = reference.shorthand().unwrap_or_default().to_owned();
            branches.extend(reference.target().map(|commit| (name, commit.to_string())));
        }
        branches.sort();
        Ok(branches)
    }

    pub(crate) fn git(&self) -> Result<git2::Repository> {
        git2::Repository::open_bare(&self.path)
            .with_context(|| format!("cannot open the repository {}", self.path.display()))
    }
}

fn write_tree(repository: &git2::Repository, base: &Tree<'_>, changes: &[Change]) -> Result<Oid> {
    let mut update = TreeUpdateBuilder::new();
    for change in changes {
        match &change.content {
            None => update.remove(&change.path),
            Some(content) => {
                let mode = if change.executable { FileMode::BlobExecutable } else { FileMode::Blob };
                update.upsert(&change.path, repository.blob(content)?, mode)
            }
        };
    }
    update.create_updated(repository, base).context("cannot write the files of the commit")
}
