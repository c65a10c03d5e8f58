//! Asks the operator what would happen. It is reached through the API server, with a proof that the caller may ask about the namespace.

use anyhow::Context as _;
use http::Request as HttpRequest;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Client, Config};
use slipway_crds::names;
use slipway_plan::preview::{Preview, Question};

use crate::api_error::ApiError;
use crate::connect::Session;
use crate::exit::Usage;

/// Where the operator answers: namespace, Service and name of its port.
pub const OPERATOR: (&str, &str, &str) = ("slipway-system", "slipway-controller", "http");
/// Environment variable with the operator's address, for who reaches it in another way than through the API server.
const ADDRESS: &str = "SLIPWAY_OPERATOR";
/// How long a proof is good for, in seconds: the API server issues none for less.
const LIFE: i64 = 600;

/// The operator, ready to be asked about the session's namespace.
pub struct Operator {
    client: Client,
    path: String,
    token: String,
}

impl Operator {
    /// Has the proof issued; the operator is not asked yet.
    pub async fn of(session: &Session) -> anyhow::Result<Self> {
        let token = token(session).await?;
        let own = format!("/v1/plan/{}", session.namespace);
        let address = std::env::var(ADDRESS).ok().filter(|address| !address.is_empty());
        if let Some(address) = address {
            let url = address.parse().map_err(|error| Usage(format!("{ADDRESS}={address}: {error}")))?;
            let client = Client::try_from(Config::new(url));
            let client = client.with_context(|| format!("failed to prepare a connection to {address}"))?;
            return Ok(Self { client, path: own, token });
        }
        let (namespace, service, port) = OPERATOR;
        let path = format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{own}");
        Ok(Self { client: session.client.clone(), path, token })
    }

    /// Asks.
    pub async fn ask(&self, question: &Question) -> anyhow::Result<Preview> {
        let request = HttpRequest::post(&self.path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(names::PLAN_HEADER, &self.token)
            .body(serde_json::to_vec(question)?)?;
        self.client.request(request).await.map_err(unreachable)
    }
}

/// A token for this purpose alone: whoever may have one issued may act in the namespace.
async fn token(session: &Session) -> anyhow::Result<String> {
    let spec = TokenRequestSpec {
        audiences: Some(vec![names::PLAN_AUDIENCE.to_owned()]),
        expiration_seconds: Some(LIFE),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let accounts = session.in_namespace::<ServiceAccount>();
    let issued = accounts.create_token_request(names::PLAN_ACCOUNT, &PostParams::default(), &request).await;
    let attempt = "have a token issued that lets the operator answer";
    let issued = issued.map_err(|error| ApiError::new(attempt.to_owned(), error))?;
    issued.status.and_then(|status| status.token).context("the API server issued no token")
}

/// The operator is reached through the API server: tells which of the two is in the way.
fn unreachable(error: kube::Error) -> anyhow::Error {
    let (namespace, service, _) = OPERATOR;
    match &error {
        kube::Error::Api(status) if status.code == 404 => anyhow::anyhow!(
            "the operator cannot be asked: there is no Service {service} in namespace {namespace}, or it is too old to plan\n  \
             install it: kubectl apply -f manifests/install.yaml"
        ),
        kube::Error::Api(status) if matches!(status.code, 401 | 413 | 415 | 422 | 429) => {
            anyhow::anyhow!("the operator does not answer: {}", status.message)
        }
        kube::Error::Api(status) if matches!(status.code, 500 | 502 | 503 | 504) => anyhow::anyhow!(
            "the operator cannot be asked: {}\n  does it run? kubectl -n {namespace} get deployment,pods",
            status.message
        ),
        _ => ApiError::new("ask the operator for a plan".to_owned(), error).into(),
    }
}
