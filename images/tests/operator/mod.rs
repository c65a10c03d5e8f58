//! The operator's end of a build: keeps what it is told.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use slipway_agent::{BuildEnded, BuildReport};

#[derive(Clone)]
pub struct Operator {
    pub url: String,
    told: Arc<Mutex<Vec<BuildReport>>>,
}

impl Operator {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/builds/fleet/www-1", listener.local_addr().unwrap());
        let operator = Self { url, told: Arc::default() };
        let router =
            Router::new().route("/v1/builds/{namespace}/{name}", post(take)).with_state(operator.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        operator
    }

    /// Names of the steps that were said to run.
    pub fn steps(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let step = |report: &BuildReport| match report {
            BuildReport::Progress(progress) => progress.step.clone(),
            BuildReport::Ended(_) => None,
        };
        told.iter().filter_map(step).collect()
    }

    /// How the build ended: it is said once.
    pub fn ended(&self) -> BuildEnded {
        let told = self.told.lock().unwrap();
        let ended = |report: &BuildReport| match report {
            BuildReport::Ended(ended) => Some((**ended).clone()),
            BuildReport::Progress(_) => None,
        };
        let mut all: Vec<_> = told.iter().filter_map(ended).collect();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

async fn take(
    State(operator): State<Operator>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
    Json(report): Json<BuildReport>,
) -> StatusCode {
    assert_eq!((namespace.as_str(), name.as_str()), ("fleet", "www-1"));
    assert_eq!(headers["authorization"], "Bearer secret");
    operator.told.lock().unwrap().push(report);
    StatusCode::OK
}
