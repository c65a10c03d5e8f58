//! What a server has, by name.

use std::collections::BTreeMap;

use slipway_plan::commit::CommitId;

/// Branches, tags and other references of a server, as one ls-remote saw them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs(BTreeMap<String, CommitId>);

/// What a reference turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    /// A branch, which moves.
    Branch,
    /// A tag, which should not.
    Tag,
    /// A commit.
    Commit,
}

/// A reference and the commit it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: CommitId,
    /// What named it.
    pub kind: ReferenceKind,
}

impl Refs {
    /// Commit of a branch, given without `refs/heads/`.
    pub fn branch(&self, name: &str) -> Option<&CommitId> {
        self.0.get(&format!("refs/heads/{name}"))
    }

    /// Commit of a tag, given without `refs/tags/`; of an annotated tag the commit, not the tag object.
    pub fn tag(&self, name: &str) -> Option<&CommitId> {
        self.commit(&format!("refs/tags/{name}"))
    }

    /// Commit of a branch or tag by its full name; of an annotated tag the commit, not the tag object.
    pub fn commit(&self, full_name: &str) -> Option<&CommitId> {
        self.0.get(&format!("{full_name}^{{}}")).or_else(|| self.0.get(full_name))
    }

    /// Names of the tags, without `refs/tags/`.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = self.0.keys().filter_map(|name| name.strip_prefix("refs/tags/"));
        tags.filter(|name| !name.ends_with("^{}"))
    }

    /// The branch or else the tag of this name. Commits are resolved in the mirror: [`super::Git::resolve`].
    pub fn resolve(&self, reference: &str) -> Option<Resolved> {
        let branch = self.branch(reference).map(|commit| (commit, ReferenceKind::Branch));
        let found = branch.or_else(|| self.tag(reference).map(|commit| (commit, ReferenceKind::Tag)));
        found.map(|(commit, kind)| Resolved { commit: commit.clone(), kind })
    }

    /// Whether the repository has no commits yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Full name and object of each branch and tag; of an annotated tag the tag object.
    pub fn branches_and_tags(&self) -> impl Iterator<Item = (&str, &CommitId)> {
        let mirrored = |name: &str| {
            (name.starts_with("refs/heads/") || name.starts_with("refs/tags/")) && !name.ends_with("^{}")
        };
        self.0.iter().map(|(name, id)| (name.as_str(), id)).filter(move |(name, _)| mirrored(name))
    }

    /// The object of a reference by its full name, for example `refs/pull/7/head`.
    pub fn get(&self, full_name: &str) -> Option<&CommitId> {
        self.0.get(full_name)
    }
}

impl FromIterator<(String, CommitId)> for Refs {
    fn from_iter<I: IntoIterator<Item = (String, CommitId)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: char) -> CommitId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn a_branch_goes_before_a_tag_and_a_tag_is_peeled() {
        let refs: Refs = [
            ("refs/heads/main", '1'),
            ("refs/heads/v1", '2'),
            ("refs/tags/v1", '3'),
            ("refs/tags/v2", '4'),
            ("refs/tags/v2^{}", '5'),
        ]
        .map(|(name, digit)| (name.to_owned(), commit(digit)))
        .into_iter()
        .collect();
        assert_eq!(
            refs.resolve("v1").unwrap(),
            Resolved { commit: commit('2'), kind: ReferenceKind::Branch }
        );
        assert_eq!(refs.resolve("v2").unwrap(), Resolved { commit: commit('5'), kind: ReferenceKind::Tag });
        assert_eq!(refs.resolve("refs/heads/main"), None);
        assert_eq!(refs.branches_and_tags().count(), 4);
        assert_eq!(refs.tags().collect::<Vec<_>>(), ["v1", "v2"]);
    }
}
