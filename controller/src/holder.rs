//! Which pod a token was issued to, as the API server says: what agents show when they ask or tell something.

use axum::http::{HeaderMap, StatusCode};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};

/// The pod that a token was issued to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub pod: String,
    /// Its UID.
    pub uid: String,
}

/// Why a token shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum TokenProblem {
    /// There is none.
    #[error("a bearer token is needed: the one that was issued to the agent's pod")]
    None,
    /// The API server does not accept it for this audience.
    #[error("the token is not accepted: it must be the {audience} token of a pod that still exists")]
    Refused {
        /// Whom it has to be issued for.
        audience: &'static str,
    },
    /// The API server failed.
    #[error("failed to review the token")]
    Review(#[source] kube::Error),
}

impl TokenProblem {
    /// What is answered: only when the API server fails is asking again of use.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::None | Self::Refused { .. } => StatusCode::UNAUTHORIZED,
            Self::Review(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The pod that the request's bearer token was issued to, for this audience.
pub async fn of(
    client: &Client,
    audience: &'static str,
    headers: &HeaderMap,
) -> Result<Holder, TokenProblem> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(TokenProblem::None)?;
    let spec = TokenReviewSpec { audiences: Some(vec![audience.to_owned()]), token: token.to_owned() };
    let review = TokenReview { spec, ..TokenReview::default() };
    let api: Api<TokenReview> = Api::all(client.clone());
    let reviewed = api.create(&PostParams::default(), &review).await.map_err(TokenProblem::Review)?;
    reviewed.status.and_then(|status| holder(&status, audience)).ok_or(TokenProblem::Refused { audience })
}

/// The pod of an accepted token. An authenticator that knows no audiences names none: its tokens are not for this.
fn holder(status: &TokenReviewStatus, audience: &str) -> Option<Holder> {
    let is_for_this = status.audiences.iter().flatten().any(|named| named == audience);
    let user = status.user.as_ref().filter(|_| is_for_this && status.authenticated == Some(true))?;
    let account = user.username.as_deref()?.strip_prefix("system:serviceaccount:")?;
    let (namespace, _) = account.split_once(':')?;
    let extra = |key: &str| user.extra.as_ref()?.get(key)?.first().cloned();
    Some(Holder {
        namespace: namespace.to_owned(),
        pod: extra("authentication.kubernetes.io/pod-name")?,
        uid: extra("authentication.kubernetes.io/pod-uid")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn status() -> Value {
        let extra = json!({"authentication.kubernetes.io/pod-name": ["integration-1-x"],
            "authentication.kubernetes.io/pod-uid": ["pod-uid"]});
        let user = json!({"username": "system:serviceaccount:env-ci:default", "extra": extra});
        json!({"authenticated": true, "audiences": ["slipway.dev/run"], "user": user})
    }

    fn holder_of(status: Value) -> Option<Holder> {
        holder(&serde_json::from_value(status).unwrap(), "slipway.dev/run")
    }

    #[test]
    fn a_token_belongs_to_the_pod_it_was_issued_to() {
        let expected = Holder {
            namespace: "env-ci".to_owned(),
            pod: "integration-1-x".to_owned(),
            uid: "pod-uid".to_owned(),
        };
        assert_eq!(holder_of(status()), Some(expected));
    }

    #[test]
    fn a_token_for_anything_else_is_refused() {
        let cases: [(&str, Value); 6] = [
            ("/authenticated", json!(false)),
            ("/audiences", json!([])),
            ("/audiences", json!(["slipway.dev/builds"])),
            ("/audiences", json!(["https://kubernetes.default.svc"])),
            ("/user/username", json!("system:admin")),
            ("/user/extra", json!({})),
        ];
        for (path, value) in cases {
            let mut changed = status();
            *changed.pointer_mut(path).unwrap() = value;
            assert_eq!(holder_of(changed), None, "{path}");
        }
    }
}
