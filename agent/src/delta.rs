//! What has to be fetched to bring an image to the wanted commits.

use crate::Identity;

/// What is missing of both repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Of the service's repository.
    pub service: Option<Fetch>,
    /// Of the ops repository.
    pub ops: Option<Fetch>,
}

/// What is missing of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The commit that is there; none means that nothing of it is there.
    pub from: Option<String>,
    /// The wanted commit.
    pub to: String,
}

impl Delta {
    /// From what the image says of itself to what is wanted. An image of another service has nothing of use.
    pub fn between(image: Option<&Identity>, wanted: &Identity) -> Self {
        let image = image.filter(|image| image.service == wanted.service);
        let missing = |has: Option<&String>, wanted: &String| {
            let to = wanted.clone();
            (has != Some(wanted)).then(|| Fetch { from: has.cloned(), to })
        };
        Self {
            service: missing(image.map(|image| &image.service_sha), &wanted.service_sha),
            ops: missing(image.map(|image| &image.ops_sha), &wanted.ops_sha),
        }
    }

    /// Whether the image is what is wanted: nothing is fetched, nothing is provisioned.
    pub fn is_nothing(&self) -> bool {
        self.service.is_none() && self.ops.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(service_sha: &str, ops_sha: &str) -> Identity {
        let [service, service_sha, ops_sha] = ["www", service_sha, ops_sha].map(str::to_owned);
        Identity { service, service_sha, ops_sha }
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a delta has it")]
    fn fetch(from: Option<&str>, to: &str) -> Option<Fetch> {
        Some(Fetch { from: from.map(str::to_owned), to: to.to_owned() })
    }

    #[test]
    fn the_image_that_is_wanted_needs_nothing() {
        assert!(Delta::between(Some(&identity("a", "x")), &identity("a", "x")).is_nothing());
    }

    #[test]
    fn only_the_repository_that_moved_is_fetched() {
        let image = identity("a", "x");
        let cases = [
            (identity("b", "x"), fetch(Some("a"), "b"), None),
            (identity("a", "y"), None, fetch(Some("x"), "y")),
            (identity("b", "y"), fetch(Some("a"), "b"), fetch(Some("x"), "y")),
        ];
        for (wanted, service, ops) in cases {
            assert_eq!(Delta::between(Some(&image), &wanted), Delta { service, ops });
        }
    }

    #[test]
    fn without_an_image_of_this_service_everything_is_fetched() {
        let wanted = identity("b", "y");
        let all = Delta { service: fetch(None, "b"), ops: fetch(None, "y") };
        assert_eq!(Delta::between(None, &wanted), all);
        let other = Identity { service: "api".to_owned(), ..wanted.clone() };
        assert_eq!(Delta::between(Some(&other), &wanted), all);
    }
}
