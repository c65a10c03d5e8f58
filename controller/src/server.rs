//! The operator's HTTP server: health, readiness, metrics, plans, messages of git servers, and results of integration runs.

use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use serde::Serialize;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::environment::decide::{self, Act};

use crate::context::{self, Context};
use crate::reconcile::{chain, dev_environment};

use crate::hooks::{self, Hooks};
use crate::lease::forward::{Forward, to_leader};
use crate::runs;
use crate::settings::Settings;

/// The largest environment that is planned, in bytes.
const PLAN_LIMIT: usize = 256 * 1024;

#[derive(Clone)]
struct Shared {
    context: Arc<Context>,
    registry: Arc<Registry>,
}

/// Serves until the process ends.
pub async fn serve(settings: &Settings, context: Arc<Context>, registry: Registry) -> anyhow::Result<()> {
    let client = context.client.clone();
    let (syncs, repos) = (context.stores.syncs.clone(), context.stores.repos.clone());
    let hooks = Hooks::new(client.clone(), syncs, repos, context.pushed.clone());
    let forward = Forward::new(context.tenure.clone());
    let shared = Shared { context, registry: Arc::new(registry) };
    let for_the_leader = Router::new()
        .route("/v1/plan/{namespace}", post(plan).layer(DefaultBodyLimit::max(PLAN_LIMIT)))
        .with_state(shared.clone())
        .merge(hooks::router(hooks))
        .merge(runs::router(client))
        .layer(from_fn_with_state(forward, to_leader));
    let router = Router::new()
        .route("/healthz", get(|| async { "alive" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared)
        .merge(for_the_leader);
    let listener = tokio::net::TcpListener::bind(settings.listen).await;
    let listener =
        listener.with_context(|| format!("failed to listen on {}: is it in use?", settings.listen))?;
    axum::serve(listener, router).await.context("the HTTP server ended")
}

/// Ready once every watch has shown what there is; a standby, too, that could take over.
async fn ready(State(shared): State<Shared>) -> Result<&'static str, StatusCode> {
    let Shared { context, .. } = shared;
    let all = async {
        context.cache.ready().await;
        context.own.ready().await;
        let _ = context.stores.environments.wait_until_ready().await;
        let _ = context.stores.fleets.wait_until_ready().await;
        let _ = context.stores.repos.wait_until_ready().await;
        let _ = context.stores.syncs.wait_until_ready().await;
    };
    let soon = tokio::time::timeout(std::time::Duration::from_millis(500), all);
    soon.await.map(|()| "ready").map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

async fn metrics(State(shared): State<Shared>) -> Result<String, StatusCode> {
    let mut out = String::new();
    text::encode(&mut out, &shared.registry).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(out)
}

/// What would change, and what would be waited for.
#[derive(Debug, Default, Serialize)]
struct Planned {
    problems: Vec<String>,
    steps: Vec<String>,
    waits: Vec<String>,
}

/// What would become of an environment if it were applied now. Nothing is written.
async fn plan(
    State(shared): State<Shared>,
    Path(namespace): Path<String>,
    Json(mut environment): Json<DevEnvironment>,
) -> Result<Json<Planned>, (StatusCode, String)> {
    environment.metadata.namespace = Some(namespace.clone());
    let known = context_of(&shared.context, &namespace, &environment);
    environment.metadata.uid = known.as_ref().and_then(|known| known.metadata.uid.clone());
    environment.status = known.and_then(|known| known.status.clone());
    let now = context::now();
    let failed = |error: &dyn std::error::Error| (StatusCode::INTERNAL_SERVER_ERROR, chain(error));
    let gathered =
        dev_environment::gather(&shared.context, &environment, now).await.map_err(|e| failed(&e))?;
    let Some(gathered) = gathered else {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "the cache is behind; try again".to_owned()));
    };
    let decision = gathered.foresee(&shared.context, &environment, now).map_err(|e| failed(&e))?;
    Ok(Json(told(&decision)))
}

fn context_of(
    context: &Context,
    namespace: &str,
    environment: &DevEnvironment,
) -> Option<Arc<DevEnvironment>> {
    let name = environment.metadata.name.as_deref()?;
    let key = kube::runtime::reflector::ObjectRef::new(name).within(namespace);
    context.stores.environments.get(&key)
}

fn told(decision: &decide::Decision) -> Planned {
    let mut planned = Planned::default();
    if let Act::Apply(plan) = &decision.act {
        planned.steps = plan.steps.iter().map(ToString::to_string).collect();
        planned.problems =
            plan.conflicts.iter().map(|c| format!("{} belongs to {}", c.key, c.holder)).collect();
    }
    let stalled =
        slipway_crds::conditions::find(&decision.status.conditions, slipway_crds::conditions::STALLED);
    planned.problems.extend(stalled.map(|condition| condition.message.clone()));
    planned.waits = decision.status.blocked_by.iter().map(|w| format!("{}: {}", w.what, w.message)).collect();
    planned
}
