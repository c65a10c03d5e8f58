//! A service's name that is known to be one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A DNS label of at most 32 characters: it becomes part of object names and host names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

/// A text that is no service name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a service name: use a lower-case DNS label of at most 32 characters, starting with a letter"
)]
pub struct NotAServiceName(pub String);

impl ServiceName {
    /// Checks the text.
    pub fn parse(text: &str) -> Result<Self, NotAServiceName> {
        let letter = |c: char| c.is_ascii_lowercase();
        let inner = |c: char| letter(c) || c.is_ascii_digit() || c == '-';
        let fits = (1..=32).contains(&text.len());
        if fits && text.starts_with(letter) && !text.ends_with('-') && text.chars().all(inner) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAServiceName(text.to_owned()))
        }
    }

    /// The stateful pod, as a service that others depend on.
    pub fn local() -> Self {
        Self(slipway_crds::names::LOCAL.to_owned())
    }

    /// Whether this is the stateful pod.
    pub fn is_local(&self) -> bool {
        self.0 == slipway_crds::names::LOCAL
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServiceName {
    type Error = NotAServiceName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_dns_labels_are_names() {
        for good in ["www", "a", "eta-2", &"a".repeat(32)] {
            assert_eq!(ServiceName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "Www", "2eta", "a-", "a_b", "a.b", &"a".repeat(33)] {
            assert_eq!(ServiceName::parse(bad), Err(NotAServiceName(bad.to_owned())));
        }
    }
}
