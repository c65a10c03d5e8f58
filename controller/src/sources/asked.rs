//! What is asked for, from the path and the query of a request.

use serde::Deserialize;
use slipway_plan::commit::CommitId;
use slipway_plan::service_name::ServiceName;

use super::refusal::Refusal;

/// The query of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Commits {
    /// The wanted commit.
    #[serde(default)]
    pub to: String,
    /// The commit that is there.
    #[serde(default)]
    pub from: Option<String>,
}

/// One of the two repositories that an image is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repository {
    /// The service's own.
    Service,
    /// That of configuration management.
    Ops,
}

impl Repository {
    /// As it is called in a path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Ops => "ops",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The fleet's namespace.
    pub namespace: String,
    /// For which service.
    pub service: ServiceName,
    /// Which repository.
    pub repository: Repository,
    /// The commit that is there; none asks for all files.
    pub from: Option<CommitId>,
    /// The wanted commit.
    pub to: CommitId,
}

impl Asked {
    /// Checks all parts: they become part of requests to the API server.
    pub fn parse(
        namespace: &str,
        service: &str,
        repository: &str,
        commits: &Commits,
    ) -> Result<Self, Refusal> {
        let repository = match repository {
            "service" => Repository::Service,
            "ops" => Repository::Ops,
            _ => return Err(Refusal::NotASource),
        };
        let service = ServiceName::parse(service).map_err(|_| Refusal::NotASource)?;
        let commit = |text: &str| text.parse::<CommitId>().map_err(|_| Refusal::NotASource);
        let from = commits.from.as_deref().map(commit).transpose()?;
        let to = commit(&commits.to)?;
        if !is_label(namespace) {
            return Err(Refusal::NotASource);
        }
        Ok(Self { namespace: namespace.to_owned(), service, repository, from, to })
    }
}

/// What the name of a namespace can be.
fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63 && text.starts_with(ends) && text.ends_with(ends) && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0";

    fn parsed(namespace: &str, service: &str, repository: &str, to: &str, from: Option<&str>) -> bool {
        let commits = Commits { to: to.to_owned(), from: from.map(str::to_owned) };
        Asked::parse(namespace, service, repository, &commits).is_ok()
    }

    #[test]
    fn names_and_whole_commits_are_asked_for() {
        assert!(parsed("fleet", "www", "service", COMMIT, None));
        assert!(parsed("fleet", "www", "ops", COMMIT, Some(COMMIT)));
    }

    #[test]
    fn anything_else_is_no_path_of_a_source() {
        assert!(!parsed("../x", "www", "service", COMMIT, None));
        assert!(!parsed("a/b", "www", "service", COMMIT, None));
        assert!(!parsed("fleet", "w?w", "service", COMMIT, None));
        assert!(!parsed("fleet", "www", "secrets", COMMIT, None));
        assert!(!parsed("fleet", "www", "service", "main", None));
        assert!(!parsed("fleet", "www", "service", "", None));
        assert!(!parsed("fleet", "www", "service", COMMIT, Some("3f2c")));
    }
}
