//! The operator's HTTP server: health, readiness, metrics, plans, sources, messages of git servers, and results of
//! integration runs.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::context::Context;
use crate::hooks::{self, Hooks};
use crate::lease::forward::{Forward, to_leader};
use crate::settings::Settings;
use crate::sources::Supply;
use crate::{builds, plans, runs, sources, starts};

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
    let plans = plans::router(Arc::clone(&context));
    let builds = builds::router(client.clone(), context.progress.clone());
    let sources = sources::router(Supply::of(Arc::clone(&context)));
    let starts = starts::router(Arc::clone(&context));
    let forward = Forward::new(context.tenure.clone());
    let shared = Shared { context, registry: Arc::new(registry) };
    let for_the_leader = Router::new()
        .merge(plans)
        .merge(hooks::router(hooks))
        .merge(runs::router(client))
        .merge(builds)
        .merge(sources)
        .merge(starts)
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
        context.builds.ready().await;
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
