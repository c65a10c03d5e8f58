//! Which run a result is for, from the path of the request.

use super::refusal::Refusal;

/// Which run a result is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Namespace of the `DevEnvironment`.
    pub namespace: String,
    /// Its name.
    pub environment: String,
    /// The generation of its spec that ran.
    pub generation: i64,
}

impl Address {
    /// Checks the parts of the path: they become part of requests to the API server.
    pub fn parse(namespace: &str, environment: &str, generation: &str) -> Result<Self, Refusal> {
        let is_name = |text: &str| {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
            let ends = |c: char| c.is_ascii_alphanumeric();
            text.len() <= 253 && text.starts_with(ends) && text.ends_with(ends) && text.chars().all(fits)
        };
        match generation.parse() {
            Ok(generation) if is_name(namespace) && is_name(environment) => {
                Ok(Self { namespace: namespace.to_owned(), environment: environment.to_owned(), generation })
            }
            _ => Err(Refusal::NoRun),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_numbers_are_an_address() {
        assert!(Address::parse("fleet", "ci-www.3f2c", "4").is_ok());
        let bad = [
            ("", "ci", "1"),
            ("a/b", "ci", "1"),
            ("fleet", "../x", "1"),
            ("fleet", "ci?x", "1"),
            ("fleet", "ci", "x"),
        ];
        for (namespace, environment, generation) in bad {
            assert!(Address::parse(namespace, environment, generation).is_err(), "{namespace} {environment}");
        }
    }
}
