//! Whether the caller may know what is in a namespace.
//!
//! A question comes through the API server, which keeps the caller's identity to itself: the header with it is taken away, and a client
//! certificate is not passed on at all. So the caller brings a proof that is worth nothing elsewhere: a token for the service account
//! `default` of the namespace it asks about, issued for this audience only. Who may have one issued may act in that namespace.

use axum::http::HeaderMap;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use slipway_crds::names;

use super::refusal::Refusal;

/// Accepts a caller with a token of the namespace.
pub async fn check(client: &Client, namespace: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let token = headers.get(names::PLAN_HEADER).and_then(|value| value.to_str().ok());
    let token = token.filter(|token| !token.is_empty()).ok_or(Refusal::NoToken)?;
    let audiences = Some(vec![names::PLAN_AUDIENCE.to_owned()]);
    let spec = TokenReviewSpec { audiences, token: token.to_owned() };
    let review = TokenReview { spec, ..TokenReview::default() };
    let api: Api<TokenReview> = Api::all(client.clone());
    let reviewed = api.create(&PostParams::default(), &review).await.map_err(Refusal::Review)?;
    let holder = reviewed.status.and_then(|status| holder(&status)).ok_or(Refusal::TokenRefused)?;
    if holder == namespace { Ok(()) } else { Err(Refusal::OtherNamespace(holder)) }
}

/// The namespace of an accepted token. One that was put into a pod is the pod's, not a person's.
fn holder(status: &TokenReviewStatus) -> Option<String> {
    let for_plans = status.audiences.iter().flatten().any(|audience| audience == names::PLAN_AUDIENCE);
    let user = status.user.as_ref().filter(|_| for_plans && status.authenticated == Some(true))?;
    let is_of_a_pod =
        user.extra.as_ref().is_some_and(|extra| extra.contains_key("authentication.kubernetes.io/pod-name"));
    let account = user.username.as_deref()?.strip_prefix("system:serviceaccount:")?;
    let (namespace, name) = account.split_once(':')?;
    (name == names::PLAN_ACCOUNT && !is_of_a_pod).then(|| namespace.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn status() -> Value {
        let user = json!({"username": "system:serviceaccount:fleet:default", "extra": {}});
        json!({"authenticated": true, "audiences": ["slipway.dev/plan"], "user": user})
    }

    fn holder_of(status: Value) -> Option<String> {
        holder(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn a_token_is_of_the_namespace_it_was_issued_in() {
        assert_eq!(holder_of(status()).as_deref(), Some("fleet"));
    }

    #[test]
    fn a_token_for_anything_else_is_refused() {
        let of_a_pod = json!({"authentication.kubernetes.io/pod-name": ["www-x"]});
        let cases: [(&str, Value); 6] = [
            ("/authenticated", json!(false)),
            ("/audiences", json!([])),
            ("/audiences", json!(["https://kubernetes.default.svc"])),
            ("/user/username", json!("system:admin")),
            ("/user/username", json!("system:serviceaccount:fleet:deployer")),
            ("/user/extra", of_a_pod),
        ];
        for (path, value) in cases {
            let mut changed = status();
            *changed.pointer_mut(path).unwrap() = value;
            assert_eq!(holder_of(changed), None, "{path}");
        }
    }
}
