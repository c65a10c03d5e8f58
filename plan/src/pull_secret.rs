//! The Fleet's pull Secret: who Slipway and its nodes are to registries.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::Value;
use slipway_crds::reasons;

use crate::object;

/// Type of the Secret, and the key of its one text.
pub const TYPE: &str = "kubernetes.io/dockerconfigjson";
/// The key of the Secret's text.
pub const KEY: &str = ".dockerconfigjson";

/// User and password for a registry. They are never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login(…)")
    }
}

/// What a pull Secret says. Its text is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PullSecret {
    text: String,
    logins: Vec<(Place, Login)>,
}

/// Registries and folders in them that a login is for.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    host: String,
    path: String,
}

impl fmt::Debug for PullSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PullSecret({} registries)", self.logins.len())
    }
}

/// Why a pull Secret cannot be used. Nothing of what is in it is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullSecretProblem {
    /// There is none of that name.
    #[error(
        "the Fleet's pullSecret `{0}` does not exist in this namespace: make it with `kubectl create secret docker-registry {0}`"
    )]
    Missing(String),
    /// The operator may not read it.
    #[error(
        "Slipway may not read the Fleet's pullSecret `{0}`: add this namespace to `secretNamespaces` of its chart"
    )]
    Forbidden(String),
    /// It is none, or says nothing that can be understood.
    #[error(
        "the Fleet's pullSecret `{name}` cannot be used: {why}; make it with `kubectl create secret docker-registry {name}`"
    )]
    Invalid {
        /// Its name.
        name: String,
        /// What is wrong with its form.
        why: &'static str,
    },
}

impl PullSecretProblem {
    /// The reason of the conditions that tell of it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => reasons::PULL_SECRET_NOT_FOUND,
            Self::Forbidden(_) | Self::Invalid { .. } => reasons::PULL_SECRET_INVALID,
        }
    }
}

#[derive(Deserialize)]
struct Config {
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    /// `user:password` in base64.
    #[serde(default)]
    auth: Option<Value>,
}

impl PullSecret {
    /// Reads the data of the Secret `name`.
    pub fn parse(
        name: &str,
        type_: Option<&str>,
        data: &BTreeMap<String, ByteString>,
    ) -> Result<Self, PullSecretProblem> {
        let invalid = |why| PullSecretProblem::Invalid { name: name.to_owned(), why };
        if type_ != Some(TYPE) {
            return Err(invalid("it is not of type kubernetes.io/dockerconfigjson"));
        }
        let text = data.get(KEY).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        let text = text.ok_or_else(|| invalid("it has no text under .dockerconfigjson"))?;
        // What serde would say may repeat a part of the text.
        let config: Config = serde_json::from_str(&text).map_err(|_| invalid("it has no `auths` in JSON"))?;
        let login = |(place, entry): (&String, &Entry)| Some((Place::parse(place), entry.login()?));
        let logins: Option<Vec<_>> = config.auths.iter().map(login).collect();
        let logins = logins.ok_or_else(|| invalid("one of its `auths` has no user and password"))?;
        Ok(Self { text, logins })
    }

    /// The login for a repository of a registry, the one for the longest path first; no other registry ever gets it.
    /// Example: `registry.example.com:5000` and `fleet/www`.
    pub fn login(&self, registry: &str, repository: &str) -> Option<&Login> {
        let fitting = self.logins.iter().filter(|(place, _)| place.holds(registry, repository));
        fitting.max_by_key(|(place, _)| place.path.len()).map(|(_, login)| login)
    }

    /// The Secret's text, for the one object that carries it to the nodes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What two Secrets that say the same have in common.
    pub fn fingerprint(&self) -> String {
        object::digest(&Value::from(self.text.clone()))
    }
}

impl Entry {
    fn login(&self) -> Option<Login> {
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            return Some(Login { username: username.clone(), password: password.clone() });
        }
        let decoded: ByteString = serde_json::from_value(self.auth.clone()?).ok()?;
        let text = String::from_utf8(decoded.0).ok()?;
        let (username, password) = text.split_once(':')?;
        Some(Login { username: username.to_owned(), password: password.to_owned() })
    }
}

impl Place {
    /// As `docker login` writes them: with or without a scheme, a path, or an API version.
    fn parse(text: &str) -> Self {
        let bare = text.trim_start_matches("https://").trim_start_matches("http://");
        let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
        let path = path.trim_matches('/');
        let path = if matches!(path, "v1" | "v2") { "" } else { path };
        Self { host: canonical(host).to_owned(), path: path.to_owned() }
    }

    fn holds(&self, registry: &str, repository: &str) -> bool {
        let inside = repository.strip_prefix(self.path.as_str());
        let is_inside =
            inside.is_some_and(|rest| self.path.is_empty() || rest.is_empty() || rest.starts_with('/'));
        self.host == canonical(registry) && is_inside
    }
}

/// Docker Hub has several names.
fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(config: &Value) -> Result<PullSecret, PullSecretProblem> {
        let data = [(KEY.to_owned(), ByteString(config.to_string().into_bytes()))].into();
        PullSecret::parse("registry", Some(TYPE), &data)
    }

    fn user(secret: &PullSecret, registry: &str, repository: &str) -> Option<String> {
        secret.login(registry, repository).map(|login| login.username.clone())
    }

    #[test]
    fn each_registry_gets_its_own_login_and_no_other() {
        let secret = parse(&json!({"auths": {
            "registry.example.com:5000": {"username": "fleet", "password": "canary"},
            "https://index.docker.io/v1/": {"auth": "aHViOmNhbmFyeQ=="},
            "ghcr.io/team": {"username": "team", "password": "canary"},
            "ghcr.io/team/secret": {"username": "deep", "password": "canary"},
        }}))
        .unwrap();
        assert_eq!(user(&secret, "registry.example.com:5000", "www").as_deref(), Some("fleet"));
        assert_eq!(user(&secret, "registry.example.com", "www"), None, "another port is another registry");
        assert_eq!(user(&secret, "registry.example.com:5000.evil.org", "www"), None);
        assert_eq!(user(&secret, "docker.io", "library/redis").as_deref(), Some("hub"));
        assert_eq!(user(&secret, "ghcr.io", "team/www").as_deref(), Some("team"));
        assert_eq!(user(&secret, "ghcr.io", "team/secret/www").as_deref(), Some("deep"));
        assert_eq!(user(&secret, "ghcr.io", "teammate/www"), None);
    }

    #[test]
    fn what_cannot_be_used_is_said_without_what_is_in_it() {
        let cases = [
            json!({"auths": {"a": {"username": "canary"}}}),
            json!({"auths": {"a": {"auth": "canary"}}}),
            json!({"auths": "canary"}),
            json!("canary"),
        ];
        for case in cases {
            let problem = parse(&case).unwrap_err();
            assert_eq!(problem.reason(), reasons::PULL_SECRET_INVALID);
            assert!(!problem.to_string().contains("canary"), "{problem}");
        }
        let opaque = PullSecret::parse("registry", Some("Opaque"), &BTreeMap::new()).unwrap_err();
        assert!(opaque.to_string().contains("dockerconfigjson"), "{opaque}");
    }

    #[test]
    fn nothing_of_it_is_ever_printed() {
        let secret = parse(&json!({"auths": {"a": {"username": "canary", "password": "canary"}}})).unwrap();
        let printed = format!("{secret:?} {:?}", secret.login("a", "b").unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
