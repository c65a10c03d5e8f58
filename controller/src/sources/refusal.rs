//! Why sources are not given, and whether asking again can help.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use slipway_plan::commit::CommitId;

use crate::git::GitError;
use crate::holder::TokenProblem;

/// Why sources are not given. The agent asks again after 503, asks for the whole after 409, and gives up after all
/// others.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The path or the query names no source.
    #[error(
        "the path must be /v1/sources/<fleet namespace>/<service>/<service, ops, assets or assets/0>?to=<commit>, perhaps with &from=<commit>"
    )]
    NotASource,
    /// The token shows nothing.
    #[error(transparent)]
    Token(#[from] TokenProblem),
    /// The pod was made for something else.
    #[error("the pod is not entitled to this: {0}")]
    NotEntitled(&'static str),
    /// The repository was not read yet, or cannot be.
    #[error(
        "the repository has not been read yet: ask again; `kubectl get servicerepo` and the Fleet say more"
    )]
    NotRead,
    /// The commit is gone.
    #[error(
        "the repository no longer has commit {commit}: it was pushed over; push it again, or ask for another one"
    )]
    NoCommit {
        /// Which.
        commit: CommitId,
    },
    /// There is nothing to start from.
    #[error("commit {} is not in the history of any branch or tag: ask for the whole", .from.as_ref().map_or("none", CommitId::as_str))]
    UnknownStart {
        /// The commit that the pod has.
        from: Option<CommitId>,
    },
    /// The repository could not be read, or holds what is never sent.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The commit's assets cannot be built.
    #[error("{0}")]
    Assets(String),
    /// The API server failed.
    #[error("failed to {what}")]
    Api {
        /// What was tried.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// Too many ask at once.
    #[error("too many ask for sources at once: ask again")]
    Busy,
    /// Another operator has the mirrors.
    #[error("this operator is a standby and has no mirrors: ask again, on another connection")]
    Standby,
}

impl Refusal {
    /// The failure of one request to the API server.
    pub fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        |source| Self::Api { what: what.into(), source }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotASource | Self::NoCommit { .. } => StatusCode::NOT_FOUND,
            Self::Token(problem) => problem.status(),
            Self::NotEntitled(_) => StatusCode::FORBIDDEN,
            Self::UnknownStart { .. } => StatusCode::CONFLICT,
            Self::Git(GitError::ReferenceNotFound { .. } | GitError::RepositoryEmpty { .. }) => {
                StatusCode::NOT_FOUND
            }
            Self::Assets(_) | Self::Git(GitError::TreeRefused { .. } | GitError::TooLarge { .. }) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::NotRead | Self::Git(_) | Self::Api { .. } | Self::Busy | Self::Standby => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for Refusal {
    /// The connection is closed, so that another attempt may reach another operator.
    fn into_response(self) -> Response {
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        (self.status(), close, format!("{self}\n")).into_response()
    }
}
