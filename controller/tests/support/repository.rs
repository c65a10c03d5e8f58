//! Repositories on the server, written without a work tree.

use std::path::Path;

use slipway_plan::commit::CommitId;

/// A bare repository that tests commit to.
pub struct Repository {
    git: git2::Repository,
}

impl Repository {
    /// An empty one.
    pub fn create(path: &Path) -> Self {
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).external_template(false).initial_head("main");
        Self { git: git2::Repository::init_opts(path, &options).unwrap() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.git.path()
    }

    /// Commits exactly these files on top of a branch.
    pub fn commit(&self, branch: &str, files: &[(&str, &str)]) -> CommitId {
        let parent = self.git.find_reference(&format!("refs/heads/{branch}")).ok();
        let parent = parent.map(|reference| reference.peel_to_commit().unwrap());
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        let id = self.write(files, &parents);
        self.point(branch, &id);
        id
    }

    /// Makes these files a branch's only commit, whatever it was before.
    pub fn rewrite(&self, branch: &str, files: &[(&str, &str)]) -> CommitId {
        let id = self.write(files, &[]);
        self.point(branch, &id);
        id
    }

    /// Writes an object as it is, whatever git would say of it.
    pub fn object(&self, kind: git2::ObjectType, bytes: &[u8]) -> git2::Oid {
        self.git.odb().unwrap().write(kind, bytes).unwrap()
    }

    /// A file's object.
    pub fn blob(&self, content: &[u8]) -> git2::Oid {
        self.object(git2::ObjectType::Blob, content)
    }

    /// A folder with exactly these names, unchecked: mode, name, object.
    pub fn folder(&self, entries: &[(&str, &[u8], git2::Oid)]) -> git2::Oid {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(id.as_bytes());
        }
        self.object(git2::ObjectType::Tree, &bytes)
    }

    /// Makes a folder the whole of a branch.
    pub fn commit_folder(&self, branch: &str, folder: git2::Oid) -> CommitId {
        let who = "emma <emma@example.com> 1800000000 +0000";
        let text = format!("tree {folder}\nauthor {who}\ncommitter {who}\n\nfolder\n");
        let id: CommitId =
            self.object(git2::ObjectType::Commit, text.as_bytes()).to_string().parse().unwrap();
        self.point(branch, &id);
        id
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.git.path()
    }

    /// Lets a branch name a commit.
    pub fn point(&self, branch: &str, commit: &CommitId) {
        let id = git2::Oid::from_str(commit.as_str()).unwrap();
        self.git.reference(&format!("refs/heads/{branch}"), id, true, "test").unwrap();
    }

    /// Removes a branch.
    pub fn delete_branch(&self, branch: &str) {
        self.git.find_reference(&format!("refs/heads/{branch}")).unwrap().delete().unwrap();
    }

    /// Makes an annotated tag.
    pub fn tag(&self, name: &str, commit: &CommitId) {
        let object = self.git.find_object(git2::Oid::from_str(commit.as_str()).unwrap(), None).unwrap();
        self.git.tag(name, &object, &signature(), "a tag", false).unwrap();
    }

    fn write(&self, files: &[(&str, &str)], parents: &[&git2::Commit<'_>]) -> CommitId {
        let mut index = git2::Index::new().unwrap();
        for (path, content) in files {
            let mode = if content.starts_with("-> ") { 0o120_000 } else { 0o100_644 };
            let entry = entry(path, mode, self.git.blob(content.as_bytes()).unwrap());
            index.add(&entry).unwrap();
        }
        let tree = self.git.find_tree(index.write_tree_to(&self.git).unwrap()).unwrap();
        let id = self.git.commit(None, &signature(), &signature(), "a commit", &tree, parents).unwrap();
        id.to_string().parse().unwrap()
    }
}

fn signature() -> git2::Signature<'static> {
    git2::Signature::new("emma", "emma@example.com", &git2::Time::new(1_800_000_000, 0)).unwrap()
}

fn entry(path: &str, mode: u32, id: git2::Oid) -> git2::IndexEntry {
    let time = git2::IndexTime::new(0, 0);
    git2::IndexEntry {
        ctime: time,
        mtime: time,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}
