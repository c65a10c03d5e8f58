//! Why a result is not taken, and whether offering it again can help.

use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::holder::TokenProblem;

/// Why a result is not taken. The agent gives up on 400, 409 and 413, and offers the result again after all others.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The path names no run.
    #[error("the path must be /v1/runs/<namespace>/<environment>/<generation>")]
    NoRun,
    /// The token shows nothing.
    #[error(transparent)]
    Token(#[from] TokenProblem),
    /// The path names nothing.
    #[error("the path must be {0}")]
    NoPath(&'static str),
    /// There is no such build.
    #[error("there is no ServiceBuild {name} in namespace {namespace}")]
    NoBuild {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// The build has ended.
    #[error("the build {0} is over: nothing more is taken of it")]
    Over(String),
    /// There is no such environment.
    #[error("there is no DevEnvironment {name} in namespace {namespace}")]
    NoEnvironment {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// The token's pod is not one of this run.
    #[error("the token is not of this run: {0}")]
    NotOfThisRun(&'static str),
    /// Another generation runs by now.
    #[error("generation {generation} is no longer wanted: the environment runs generation {wanted}")]
    Superseded {
        /// The generation of the result.
        generation: i64,
        /// The generation of the environment's run.
        wanted: i64,
    },
    /// The body could not be read, or is too large.
    #[error("the result could not be read: {}", .0.body_text())]
    Body(BytesRejection),
    /// The body is not a result.
    #[error("the result is not the JSON that is expected: {0}")]
    Malformed(serde_json::Error),
    /// The result could not be written as JSON.
    #[error("failed to write the result as JSON")]
    Render(#[source] serde_json::Error),
    /// Another result of the same run is stored.
    #[error("another result of this run is stored as ConfigMap {0}: a stored result is never overwritten")]
    Stored(String),
    /// The result of a deleted environment of the same name is still there.
    #[error("ConfigMap {0} of a deleted environment of this name is still being removed")]
    StillThere(String),
    /// The API server failed.
    #[error("failed to {what}")]
    Api {
        /// What was tried.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// Too many results come at once.
    #[error("too many results come at once: offer it again")]
    Busy,
    /// It took too long.
    #[error("taking the result took too long: offer it again")]
    Slow,
}

impl Refusal {
    /// The failure of one request to the API server.
    pub fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        |source| Self::Api { what: what.into(), source }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoRun | Self::NoPath(_) | Self::NoBuild { .. } | Self::NoEnvironment { .. } => {
                StatusCode::NOT_FOUND
            }
            Self::Token(problem) => problem.status(),
            Self::NotOfThisRun(_) => StatusCode::FORBIDDEN,
            Self::Superseded { .. } | Self::Over(_) | Self::Stored(_) => StatusCode::CONFLICT,
            Self::Body(rejection) => rejection.status(),
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Render(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::StillThere(_) | Self::Api { .. } | Self::Busy | Self::Slow => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}
