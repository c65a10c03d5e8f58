//! Which repository is meant, and as whom it is read.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::credentials::Login;
use super::http::is_allowed;
use super::{Credentials, GitError};

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
        let credentials =
            identity.map(|identity| Credentials { identity, login: Login::Unknown, authority: None });
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

/// The URL of a repository: `http`, `https` or `ssh`, with a host and a path, without password, query and fragment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryUrl(String);

impl RepositoryUrl {
    /// Checks a URL. What is refused is not repeated beyond its scheme and host: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let refused = |url: String, reason: &str| GitError::UrlRefused { url, reason: reason.to_owned() };
        if let Some(hint) = written_as_for_scp(text) {
            return Err(refused("the given URL".to_owned(), &hint));
        }
        let url =
            Url::parse(text).map_err(|error| refused("the given URL".to_owned(), &error.to_string()))?;
        let shown = format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or_default());
        let problem = match url.scheme() {
            "http" | "https" if !url.username().is_empty() => Some(CREDENTIALS),
            "http" | "https" | "ssh" => problem(&url),
            _ => Some("its scheme is none of http, https and ssh"),
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

    /// Whether the server is spoken to over ssh.
    pub fn is_ssh(&self) -> bool {
        self.0.starts_with("ssh://")
    }

    /// Name or address, without brackets, and port.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        let url = Url::parse(&self.0).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let port = url.as_ref().and_then(Url::port_or_known_default).unwrap_or(22);
        (host.trim_matches(['[', ']']).to_owned(), port)
    }
}

const CREDENTIALS: &str = "it has credentials in it; put them into a Secret";

fn problem(url: &Url) -> Option<&'static str> {
    let is_plain = |text: &str| {
        !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if url.password().is_some() {
        return Some(CREDENTIALS);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some("it has a query or fragment");
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address: Option<IpAddr> = host.parse().ok();
    if host.is_empty() || (address.is_none() && !is_plain(host)) || !is_plain(url.username()) {
        return Some("its host or user is none");
    }
    if address.is_some_and(|address| !is_allowed(address)) {
        return Some("its address is never contacted");
    }
    (url.path().trim_matches('/').is_empty()).then_some("it has no path")
}

/// `git@host:path` means the same as `ssh://git@host/path` to ssh, and could be taken for many other things.
fn written_as_for_scp(text: &str) -> Option<String> {
    let (host, path) = text.split_once(':')?;
    let (user, host) = host.split_once('@')?;
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let is_scp = is_name(user) && is_name(host) && !path.is_empty() && !path.contains('@');
    is_scp.then(|| format!("write it as ssh://{user}@{host}/{}", path.trim_start_matches('/')))
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
    use crate::git::Secret;

    #[test]
    fn only_plain_urls_of_git_servers_are_taken() {
        for good in [
            "http://127.0.0.1:3000/fleet.git",
            "https://git.example.com/a/b",
            "ssh://git@git.example.com:2222/a/b.git",
            "ssh://git.example.com/~/a",
            "ssh://git@[2001:db8::1]/a",
        ] {
            assert_eq!(RepositoryUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "git@example.com:a/b",
            "ssh://git:hunter2@example.com/a",
            "ssh://-oProxyCommand=touch%20x/a",
            "ssh://-oProxyCommand=x@example.com/a",
            "ssh://git@-example.com/a",
            "ssh://git%0a@example.com/a",
            "ssh://git@example.com/",
            "git://example.com/a",
            "git+ssh://git@example.com/a",
            "file:///etc",
            "file://localhost/etc",
            "/etc",
            "http://example.com/",
            "http://169.254.169.254/latest/meta-data",
            "http://2852039166/latest/meta-data",
            "http://0xa9fea9fe/latest",
            "http://[::ffff:169.254.169.254]/a",
            "ssh://git@169.254.169.254/a",
            "http://0.0.0.0/a",
            "https://example.com/a?token=hunter2",
            "https://emma:hunter2@example.com/a",
            "https://github.com@evil.example.com/a",
            "ext::sh -c touch% /tmp/x",
        ] {
            let error = RepositoryUrl::parse(bad).unwrap_err();
            assert!(matches!(error, GitError::UrlRefused { .. }), "{bad}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_short_form_of_ssh_is_refused_with_the_long_one() {
        let error = RepositoryUrl::parse("git@git.example.com:team/www.git").unwrap_err();
        assert_eq!(
            error.to_string(),
            "refused to use the given URL: write it as ssh://git@git.example.com/team/www.git"
        );
        let error = RepositoryUrl::parse("emma:hunter2@example.com:a").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn another_identity_has_another_mirror_and_a_new_password_the_same() {
        let url = RepositoryUrl::parse("https://example.com/platform/fleet.git").unwrap();
        let remote = |identity: &str, password: &str| Remote {
            url: url.clone(),
            credentials: Some(Credentials {
                identity: identity.to_owned(),
                login: Login::Password { username: "emma".to_owned(), password: Secret::new(password) },
                authority: None,
            }),
        };
        assert_eq!(remote("a/git", "1").folder(), remote("a/git", "2").folder());
        assert_ne!(remote("a/git", "1").folder(), remote("b/git", "1").folder());
        assert!(remote("a/git", "1").folder().to_string_lossy().starts_with("fleetgit-"));
    }
}
