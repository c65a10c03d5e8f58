//! Which repository is meant, and as whom it is read.

use std::fmt;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Credentials, GitError, Secret};

/// A repository on a server, read with or without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it is.
    pub url: RepositoryUrl,
    /// As whom it is read; `None` for a public one.
    pub credentials: Option<Credentials>,
}

impl Remote {
    /// A public repository.
    pub fn public(url: &str) -> Result<Self, GitError> {
        Ok(Self { url: RepositoryUrl::parse(url)?, credentials: None })
    }

    /// The repository as far as it is in the mirror: with the identity that fetched it, without its credentials.
    pub fn mirrored(url: &str, identity: Option<String>) -> Result<Self, GitError> {
        let credentials = identity.map(|identity| Credentials {
            identity,
            username: String::new(),
            password: Secret::new(String::new()),
        });
        Ok(Self { url: RepositoryUrl::parse(url)?, credentials })
    }

    /// The mirror's folder: readable for people, and its own for each URL and identity.
    pub(super) fn folder(&self) -> PathBuf {
        let identity = self.credentials.as_ref().map_or("", |credentials| credentials.identity.as_str());
        let digest = Sha256::digest(format!("{}\0{identity}", self.url));
        let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let last = self.url.0.rsplit('/').find(|part| !part.is_empty()).unwrap_or("repository");
        let name: String =
            last.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(40).collect();
        PathBuf::from(format!("{name}-{id}.git"))
    }
}

/// The URL of a repository: `http` or `https`, with a host and a path, without credentials, query and fragment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryUrl(String);

impl RepositoryUrl {
    /// Checks a URL. What is refused is not repeated beyond its scheme and host: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let refused = |url: String, reason: &str| GitError::UrlRefused { url, reason: reason.to_owned() };
        let url =
            Url::parse(text).map_err(|error| refused("the given URL".to_owned(), &error.to_string()))?;
        let shown = format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or_default());
        let problem = match url.scheme() {
            "http" | "https" => problem(&url),
            _ => Some("its scheme is neither http nor https"),
        };
        match problem {
            Some(reason) => Err(refused(shown, reason)),
            None => Ok(Self(url.as_str().trim_end_matches('/').to_owned())),
        }
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn problem(url: &Url) -> Option<&'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("it has credentials in it; put them into a Secret");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some("it has a query or fragment");
    }
    (url.path().trim_matches('/').is_empty()).then_some("it has no path")
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_are_taken() {
        for good in ["http://127.0.0.1:3000/fleet.git", "https://git.example.com/a/b"] {
            assert_eq!(RepositoryUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "git@example.com:a/b",
            "ssh://git@example.com/a",
            "file:///etc",
            "/etc",
            "http://example.com/",
            "https://example.com/a?token=hunter2",
            "https://emma:hunter2@example.com/a",
            "ext::sh -c touch% /tmp/x",
        ] {
            let error = RepositoryUrl::parse(bad).unwrap_err();
            assert!(matches!(error, GitError::UrlRefused { .. }), "{bad}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn another_identity_has_another_mirror_and_a_new_password_the_same() {
        let url = RepositoryUrl::parse("https://example.com/platform/fleet.git").unwrap();
        let remote = |identity: &str, password: &str| Remote {
            url: url.clone(),
            credentials: Some(Credentials {
                identity: identity.to_owned(),
                username: "emma".to_owned(),
                password: Secret::new(password),
            }),
        };
        assert_eq!(remote("a/git", "1").folder(), remote("a/git", "2").folder());
        assert_ne!(remote("a/git", "1").folder(), remote("b/git", "1").folder());
        assert!(remote("a/git", "1").folder().to_string_lossy().starts_with("fleetgit-"));
    }
}
