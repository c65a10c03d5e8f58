//! Why a message is not taken. No answer says more than its sender may know.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tracing::warn;

/// Why a message is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// There is no such object, or it wants no messages.
    #[error("nothing here wants messages: is `webhook` set in its spec?")]
    Unknown,
    /// No header has the body's signature.
    #[error("the message is not signed with the webhook's secret")]
    NotSigned,
    /// The object's Secret is missing, or has no `token`.
    #[error("the webhook has no secret: its Secret needs the key `token`")]
    NoSecret,
    /// The API server could not be asked for the Secret.
    #[error("the webhook's secret cannot be read now; send it again")]
    Unavailable(#[source] kube::Error),
    /// The body is larger than any git server sends.
    #[error("the message is larger than a mebibyte")]
    TooLarge,
    /// The body did not come in time.
    #[error("the message took too long")]
    Slow,
    /// Too many at once.
    #[error("too many messages at once; send it again")]
    Busy,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            // Which of the two it is concerns the owner of the object only, who finds it in the log.
            Self::NotSigned | Self::NoSecret => StatusCode::UNAUTHORIZED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
        };
        let told = match &self {
            Self::NoSecret => {
                warn!(error = %self, "a message of a git server is refused");
                Self::NotSigned.to_string()
            }
            other => other.to_string(),
        };
        (status, format!("{told}\n")).into_response()
    }
}
