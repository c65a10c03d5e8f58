//! What an image is made of.

use std::fmt;

use sha2::{Digest as _, Sha256};
use slipway_crds::v1alpha1::BuildInputs;

use crate::environment::resolve::short;
use crate::service_name::ServiceName;

/// Bytes of an identity: enough that two of them are never the same by chance.
const BYTES: usize = 6;
/// Ending of the tag of an image whose unit tests have not passed yet.
const CANDIDATE: &str = "candidate";
/// Ending of the tag of an image whose unit tests failed; it is kept to be looked into.
const FAILED: &str = "failed";

/// What is the same exactly when service, both commits and the base are: twelve hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(String);

impl Identity {
    /// The identity of a service's image with these inputs.
    pub fn of(service: &ServiceName, inputs: &BuildInputs) -> Self {
        let BuildInputs { commit, ops_commit, base } = inputs;
        // Newlines are in none of the parts, so that no two sets of inputs give the same text.
        let sum = Sha256::digest(format!("{service}\n{commit}\n{ops_commit}\n{base}\n"));
        Self(sum[..BYTES].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The names of an image in the Fleet's registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// Under which it is found once it is good.
    pub good: String,
    /// Under which it is pushed before its unit tests have passed.
    pub candidate: String,
    /// Under which it stays when they failed.
    pub failed: String,
}

impl Tags {
    /// The names of the image with these inputs.
    pub fn of(registry: &str, service: &ServiceName, inputs: &BuildInputs) -> Self {
        let identity = Identity::of(service, inputs);
        let good = format!("{registry}/{service}:{}-{identity}", short(&inputs.commit));
        Self { candidate: format!("{good}-{CANDIDATE}"), failed: format!("{good}-{FAILED}"), good }
    }
}

/// Name of the `ServiceBuild` that an environment asks for: two of them ask for one.
pub fn name(service: &ServiceName, inputs: &BuildInputs) -> String {
    format!("{service}-{}-{}", short(&inputs.commit), Identity::of(service, inputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> ServiceName {
        ServiceName::parse(name).unwrap()
    }

    fn inputs() -> BuildInputs {
        BuildInputs {
            commit: "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0".to_owned(),
            ops_commit: "91ab".to_owned(),
            base: "registry/base@sha256:1".to_owned(),
        }
    }

    #[test]
    fn another_input_is_another_identity() {
        let (www, known) = (service("www"), Identity::of(&service("www"), &inputs()));
        assert_eq!(known, Identity::of(&www, &inputs()));
        let others = [
            BuildInputs { commit: "other".to_owned(), ..inputs() },
            BuildInputs { ops_commit: "other".to_owned(), ..inputs() },
            BuildInputs { base: "other".to_owned(), ..inputs() },
        ];
        for other in others {
            assert_ne!(known, Identity::of(&www, &other), "{other:?}");
        }
        assert_ne!(known, Identity::of(&service("api"), &inputs()));
    }

    #[test]
    fn an_image_has_its_good_name_only_under_its_own_tag() {
        let tags = Tags::of("registry:5000/fleet", &service("www"), &inputs());
        assert!(tags.good.starts_with("registry:5000/fleet/www:3f2c1ab03f2c-"), "{}", tags.good);
        assert_eq!(tags.candidate, format!("{}-candidate", tags.good));
        assert_eq!(tags.failed, format!("{}-failed", tags.good));
    }
}
