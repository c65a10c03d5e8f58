//! Who the operator is to a git server.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A user and password, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are, for example `platform/git-readonly`. What one identity fetched another does not get to read, and
    /// the identity stays when the password changes.
    pub identity: String,
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: Secret,
}

/// A Secret without usable credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Secret {identity} has neither `username` and `password` nor `token`; add them to its data")]
pub struct NoCredentials {
    /// Namespace and name of the Secret.
    pub identity: String,
}

impl Credentials {
    /// From the data of the Secret `identity`: `username` and `password`, or `token` with an optional `username`.
    pub fn from_secret(identity: &str, data: &BTreeMap<String, ByteString>) -> Result<Self, NoCredentials> {
        let text = |key: &str| {
            let bytes = &data.get(key)?.0;
            std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches('\n').to_owned())
        };
        let username = text("username");
        let pair = match (text("password"), text("token")) {
            (Some(password), _) => username.map(|username| (username, password)),
            // GitHub wants this name for a token, others take any.
            (None, Some(token)) => Some((username.unwrap_or_else(|| "x-access-token".to_owned()), token)),
            (None, None) => None,
        };
        let (username, password) = pair.ok_or_else(|| NoCredentials { identity: identity.to_owned() })?;
        Ok(Self { identity: identity.to_owned(), username, password: Secret(password) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(entries: &[(&str, &str)]) -> Result<Credentials, NoCredentials> {
        let data = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect();
        Credentials::from_secret("platform/git", &data)
    }

    #[test]
    fn a_user_and_password_are_taken_as_they_are() {
        let credentials = credentials(&[("username", "emma"), ("password", "hunter2\n")]).unwrap();
        assert_eq!((credentials.username.as_str(), credentials.password.expose()), ("emma", "hunter2"));
    }

    #[test]
    fn a_token_needs_no_user() {
        let credentials = credentials(&[("token", "t0k3n")]).unwrap();
        assert_eq!(
            (credentials.username.as_str(), credentials.password.expose()),
            ("x-access-token", "t0k3n")
        );
    }

    #[test]
    fn a_secret_without_them_is_named() {
        for entries in [&[][..], &[("password", "x")], &[("username", "x")]] {
            assert_eq!(credentials(entries).unwrap_err().identity, "platform/git");
        }
    }

    #[test]
    fn they_are_never_printed() {
        let printed = format!("{:?}", credentials(&[("username", "emma"), ("password", "hunter2")]).unwrap());
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
