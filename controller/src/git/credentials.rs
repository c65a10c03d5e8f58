//! Who the operator is to a git server.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use ureq::tls::{Certificate, PemItem};

use super::RepositoryUrl;

/// The entry of a Secret with the certificates of own authorities.
const AUTHORITY: &str = "ca.crt";

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Credentials, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are, for example `platform/git-readonly`. What one identity fetched another does not get to read, and
    /// the identity stays when the password changes.
    pub identity: String,
    /// What is shown to the server.
    pub login: Login,
    /// Who vouches for the server over https, as PEM; `None` for those that the machine trusts.
    pub authority: Option<String>,
}

/// What is shown to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Over HTTP.
    Password {
        /// User name.
        username: String,
        /// Password or token.
        password: Secret,
    },
    /// Over ssh.
    Key {
        /// Private key, as `ssh-keygen` writes it.
        private: Secret,
        /// What the private key is locked with.
        passphrase: Option<Secret>,
        /// The servers that are spoken to, line by line as in `~/.ssh/known_hosts`.
        known_hosts: String,
    },
    /// Nothing: the mirror is read, not the server, or the server wants none.
    Unknown,
}

/// A Secret without usable credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Secret {identity} has no {wanted}; add them to its data")]
pub struct NoCredentials {
    /// Namespace and name of the Secret.
    pub identity: String,
    /// What was looked for.
    pub wanted: &'static str,
}

impl Credentials {
    /// From the data of the Secret `identity`, as the repository's scheme wants them.
    pub fn from_secret(
        identity: &str,
        data: &BTreeMap<String, ByteString>,
        url: &RepositoryUrl,
    ) -> Result<Self, NoCredentials> {
        let lacks = |wanted| NoCredentials { identity: identity.to_owned(), wanted };
        let identity = identity.to_owned();
        if url.is_ssh() {
            let login = key(data).ok_or_else(|| lacks("`identity` (a private key) and `known_hosts`"))?;
            return Ok(Self { identity, login, authority: None });
        }
        let authority = text(data, AUTHORITY);
        if authority.as_ref().is_some_and(|pem| certificates(pem).is_none()) {
            return Err(lacks("certificate in `ca.crt`"));
        }
        // Who only says whom to trust is nobody to the server.
        let nobody = authority.as_ref().map(|_| Login::Unknown).filter(|_| data.len() == 1);
        let login = password(data).or(nobody);
        let login = login.ok_or_else(|| lacks("`username` and `password`, or `token`"))?;
        Ok(Self { identity, login, authority })
    }
}

/// The certificates of a PEM file; `None` when there is none, or something else.
pub(super) fn certificates(pem: &str) -> Option<Vec<Certificate<'static>>> {
    let items = ureq::tls::parse_pem(pem.as_bytes()).map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = items.collect::<Option<_>>()?;
    Some(found).filter(|found| !found.is_empty())
}

fn text(data: &BTreeMap<String, ByteString>, key: &str) -> Option<String> {
    let text = std::str::from_utf8(&data.get(key)?.0).ok()?;
    Some(text.trim_end_matches('\n').to_owned()).filter(|text| !text.is_empty())
}

/// `username` and `password`, or `token` with an optional `username`.
fn password(data: &BTreeMap<String, ByteString>) -> Option<Login> {
    let username = text(data, "username");
    let (username, password) = match (text(data, "password"), text(data, "token")) {
        (Some(password), _) => (username?, password),
        // GitHub wants this name for a token, others take any.
        (None, Some(token)) => (username.unwrap_or_else(|| "x-access-token".to_owned()), token),
        (None, None) => return None,
    };
    Some(Login::Password { username, password: Secret(password) })
}

/// `identity` and `known_hosts`, with `password` for a locked key.
fn key(data: &BTreeMap<String, ByteString>) -> Option<Login> {
    // The last line of a key must end.
    let private = Secret(format!("{}\n", text(data, "identity")?));
    let passphrase = text(data, "password").map(Secret);
    Some(Login::Key { private, passphrase, known_hosts: text(data, "known_hosts")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(url: &str, entries: &[(&str, &str)]) -> Result<Login, NoCredentials> {
        let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec()));
        let url = RepositoryUrl::parse(url).unwrap();
        let data = entries.iter().map(entry).collect();
        Credentials::from_secret("platform/git", &data, &url).map(|credentials| credentials.login)
    }

    const HTTPS: &str = "https://git.example.com/a";
    const SSH: &str = "ssh://git@git.example.com/a";

    #[test]
    fn a_user_and_password_are_taken_as_they_are() {
        let login = credentials(HTTPS, &[("username", "emma"), ("password", "hunter2\n")]).unwrap();
        assert_eq!(login, Login::Password { username: "emma".to_owned(), password: Secret::new("hunter2") });
    }

    #[test]
    fn a_token_needs_no_user() {
        let login = credentials(HTTPS, &[("token", "t0k3n")]).unwrap();
        assert_eq!(
            login,
            Login::Password { username: "x-access-token".to_owned(), password: Secret::new("t0k3n") }
        );
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        for authority in ["hunter2", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"] {
            let error = credentials(HTTPS, &[("token", "t0k3n"), ("ca.crt", authority)]).unwrap_err();
            assert_eq!(error.wanted, "certificate in `ca.crt`");
        }
    }

    #[test]
    fn ssh_wants_a_key_and_the_hosts_it_is_shown_to() {
        let login =
            credentials(SSH, &[("identity", "-----BEGIN"), ("known_hosts", "h ssh-ed25519 A\n")]).unwrap();
        let known_hosts = "h ssh-ed25519 A".to_owned();
        assert_eq!(login, Login::Key { private: Secret::new("-----BEGIN\n"), passphrase: None, known_hosts });
        for entries in
            [&[("identity", "x")][..], &[("identity", "x"), ("known_hosts", "")], &[("known_hosts", "x")]]
        {
            let error = credentials(SSH, entries).unwrap_err().to_string();
            assert_eq!(
                error,
                "the Secret platform/git has no `identity` (a private key) and `known_hosts`; add them to its data"
            );
        }
    }

    #[test]
    fn a_secret_without_them_is_named() {
        for entries in
            [&[][..], &[("password", "x")], &[("username", "x")], &[("identity", "x"), ("known_hosts", "x")]]
        {
            assert_eq!(credentials(HTTPS, entries).unwrap_err().identity, "platform/git");
        }
    }

    #[test]
    fn they_are_never_printed() {
        for (url, entries) in [
            (HTTPS, &[("username", "emma"), ("password", "hunter2")][..]),
            (SSH, &[("identity", "hunter2"), ("known_hosts", "x"), ("password", "hunter2")]),
        ] {
            let printed = format!("{:?}", credentials(url, entries).unwrap());
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }
}
