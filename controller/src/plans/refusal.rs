//! Why a question is not answered.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::reconcile::chain;

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no token.
    #[error("a token of the namespace is needed, as `slipway plan` brings it")]
    NoToken,
    /// The API server does not accept the token for this audience.
    #[error(
        "the token is not accepted: it must be one that was just issued for the audience slipway.dev/plan"
    )]
    TokenRefused,
    /// The token is of another namespace than the one that is asked about.
    #[error("the token is of namespace {0}, and says nothing about the rights in another")]
    OtherNamespace(String),
    /// The API server could not be asked about the token.
    #[error("failed to review the token")]
    Review(#[source] kube::Error),
    /// The body is no question.
    #[error("the question is not understood: {}; use the slipway of the operator's version", .0.body_text())]
    Question(JsonRejection),
    /// The object is none of its kind.
    #[error("the object is not understood: {0}")]
    Object(serde_json::Error),
    /// Nothing is planned for this kind.
    #[error("`{0}` is no kind that is planned: Fleet, ServiceRepo, DevEnvironment, GitSync are")]
    Kind(String),
    /// The caches are older than our own writes.
    #[error("something was written just now: ask again")]
    Behind,
    /// It could not be found out.
    #[error("failed to find out what would happen")]
    Gather(#[from] crate::error::Error),
    /// What would be written could not be rendered.
    #[error(transparent)]
    Render(#[from] slipway_plan::object::RenderError),
    /// Too many questions at once.
    #[error("too many plans are asked for at once: ask again")]
    Busy,
    /// It took too long.
    #[error("finding out took too long: ask again")]
    Slow,
}

impl Refusal {
    fn code(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::TokenRefused => StatusCode::UNAUTHORIZED,
            Self::OtherNamespace(_) => StatusCode::FORBIDDEN,
            Self::Question(rejection) => rejection.status(),
            Self::Object(_) | Self::Kind(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Behind | Self::Slow => StatusCode::SERVICE_UNAVAILABLE,
            Self::Review(_) | Self::Gather(_) | Self::Render(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// As a Status of Kubernetes, which every client of it understands.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.code();
        let reason = code.canonical_reason().unwrap_or_default().replace(' ', "");
        let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "message": chain(&self),
            "reason": reason, "code": code.as_u16(), "metadata": {}});
        (code, Json(status)).into_response()
    }
}
