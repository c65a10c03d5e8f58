//! What the API server, or the way to it, has to complain about: in words that say what to do.

use kube::Error;
use kube::core::Status;

/// What API servers say of a kind they do not have.
const NO_SUCH_KIND: [&str; 2] = ["could not find the requested resource", "404 page not found"];

/// What to do where Slipway, or a part of it, is missing.
pub const INSTALL: &str = "install it: kubectl apply -f manifests/install.yaml";

/// Adds to an error of the API what was attempted, and what to do about it.
pub trait Attempted<T> {
    /// `attempt` completes "failed to …".
    fn attempted(self, attempt: impl Into<String>) -> anyhow::Result<T>;
}

impl<T> Attempted<T> for Result<T, Error> {
    fn attempted(self, attempt: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|source| ApiError::new(attempt.into(), source).into())
    }
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt}: {what}")]
pub struct ApiError {
    attempt: String,
    what: String,
    source: Error,
}

impl ApiError {
    /// The error of what was attempted.
    pub fn new(attempt: String, source: Error) -> Self {
        Self { attempt, what: explain(&source), source }
    }
}

/// An error with its causes, in one text. What an [`ApiError`] says includes its causes, in better words.
pub fn told(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        parts.push(cause.to_string());
        if cause.is::<ApiError>() {
            break;
        }
    }
    parts.join(": ")
}

/// What happened, and what to do.
pub fn explain(error: &Error) -> String {
    match error {
        Error::Api(status) => answered(status),
        Error::Auth(error) => format!("{error}\n  log in to the cluster again"),
        Error::SerdeError(error) => {
            format!(
                "the answer is not understood: {error}\n  this slipway may be older than the cluster's: use the same version"
            )
        }
        Error::ProxyProtocolUnsupported { .. } | Error::ProxyProtocolDisabled { .. } => {
            format!("{error}\n  unset HTTPS_PROXY, or name an http proxy")
        }
        other => format!(
            "the API server cannot be reached: {}\n  is the cluster of this context running, and its address right?",
            innermost(other)
        ),
    }
}

fn answered(status: &Status) -> String {
    let message = &status.message;
    match status.code {
        401 => {
            "the cluster does not accept your credentials\n  log in again, or name another context".to_owned()
        }
        403 => format!("{message}\n  ask whoever administers the cluster for this right"),
        404 if NO_SUCH_KIND.iter().any(|text| message.contains(text)) => {
            format!("Slipway is not installed in this cluster\n  {INSTALL}")
        }
        422 => format!("{message}\n  mend what it names"),
        429 => format!("{message}\n  the API server has too much to do: try again in a minute"),
        500.. => format!("{message}\n  try again; if that does not help: slipway doctor"),
        409 => format!("somebody else changed it at the same time: {message}\n  look at it, and try again"),
        _ => message.clone(),
    }
}

/// The cause at the end of the chain says most, and the rest repeats it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> Error {
        let mut status = Status::failure(message, "Reason");
        status.code = code;
        Error::Api(Box::new(status))
    }

    #[test]
    fn a_cluster_without_slipway_is_told_from_a_missing_object() {
        let missing = explain(&api(404, "devenvironments.slipway.dev \"demo\" not found"));
        assert_eq!(missing, "devenvironments.slipway.dev \"demo\" not found");
        let bare = explain(&api(404, "the server could not find the requested resource"));
        assert!(bare.contains("kubectl apply -f manifests/install.yaml"), "{bare}");
    }

    #[test]
    fn an_error_says_what_was_attempted_and_what_to_do() {
        let refused: Result<(), Error> = Err(api(403, "devenvironments is forbidden"));
        let told = told(&refused.attempted("list the environments").unwrap_err());
        let expected = "failed to list the environments: devenvironments is forbidden\n  \
            ask whoever administers the cluster for this right";
        assert_eq!(told, expected);
    }

    #[test]
    fn what_may_pass_is_told_from_what_has_to_be_mended() {
        assert!(explain(&api(503, "the server is busy")).ends_with("slipway doctor"));
        assert!(explain(&api(429, "too many requests")).ends_with("try again in a minute"));
        assert_eq!(explain(&api(422, "spec.ttl is wrong")), "spec.ttl is wrong\n  mend what it names");
    }

    #[test]
    fn other_errors_are_told_with_their_causes() {
        let error = anyhow::Error::from(std::io::Error::other("disk full")).context("failed to write a.xml");
        assert_eq!(told(&error), "failed to write a.xml: disk full");
    }
}
