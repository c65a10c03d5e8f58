//! Why the news of a start is not taken, and whether offering it again can help.

use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::holder::TokenProblem;

/// Why the news of a start is not taken. The agent gives up on 400, 409 and 413, and offers it again after all others.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The token shows nothing.
    #[error(transparent)]
    Token(#[from] TokenProblem),
    /// The pod is another one.
    #[error("the token is not of this start: {0}")]
    NotOfThisStart(&'static str),
    /// Something else is to run by now.
    #[error("the environment runs another commit by now")]
    Superseded,
    /// The body could not be read, or is too large.
    #[error("the record could not be read: {}", .0.body_text())]
    Body(BytesRejection),
    /// The body is no record.
    #[error("the record is not the JSON that is expected: {0}")]
    Malformed(serde_json::Error),
    /// The API server failed.
    #[error("failed to {what}")]
    Api {
        /// What was tried.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// Too many come at once.
    #[error("too many come at once: offer it again")]
    Busy,
    /// The environment's status does not say it yet.
    #[error("it is not in the environment's status yet: offer it again")]
    NotRecorded,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Token(problem) => problem.status(),
            Self::NotOfThisStart(_) => StatusCode::FORBIDDEN,
            Self::Superseded => StatusCode::CONFLICT,
            Self::Body(rejection) => rejection.status(),
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Api { .. } | Self::Busy | Self::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}
