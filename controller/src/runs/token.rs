//! Whose token it is, as the API server says.

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use slipway_crds::names;

use super::refusal::Refusal;

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

/// Asks the API server whose token it is.
pub async fn review(client: &Client, token: &str) -> Result<Holder, Refusal> {
    let spec =
        TokenReviewSpec { audiences: Some(vec![names::RUN_AUDIENCE.to_owned()]), token: token.to_owned() };
    let review = TokenReview { spec, ..TokenReview::default() };
    let api: Api<TokenReview> = Api::all(client.clone());
    let reviewed =
        api.create(&PostParams::default(), &review).await.map_err(Refusal::api("review the token"))?;
    reviewed.status.and_then(|status| holder(&status)).ok_or(Refusal::TokenRefused)
}

/// The pod of an accepted token. An authenticator that knows no audiences names none: its tokens are not for this.
fn holder(status: &TokenReviewStatus) -> Option<Holder> {
    let for_runs = status.audiences.iter().flatten().any(|audience| audience == names::RUN_AUDIENCE);
    let user = status.user.as_ref().filter(|_| for_runs && status.authenticated == Some(true))?;
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
        holder(&serde_json::from_value(status).unwrap())
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
        let cases: [(&str, Value); 5] = [
            ("/authenticated", json!(false)),
            ("/audiences", json!([])),
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
