//! What would become of something, told before it does. Nothing is written.
//!
//! ```text
//! POST /v1/plan/{namespace}
//! token ─► TokenReview ─► body read ─► the code that would do it ─► dry run ─► 200
//! ```
//!
//! The caller shows a token of the namespace it asks about, see [`caller`].

mod caller;
mod environment;
mod fleet;
mod gitsync;
mod refusal;
mod rehearse;
mod supposed;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest as _, Path, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::Value;
use slipway_plan::preview::{Preview, Question};
use tokio::sync::Semaphore;

use crate::context::Context;
use refusal::Refusal;

pub use supposed::Supposed;

/// The largest question, in bytes: it may have the files of a folder in it.
const LIMIT: usize = 16 * 1024 * 1024;
/// Questions that are answered at once.
const PARALLEL: usize = 4;
/// How long answering one may last.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Clone)]
struct Plans {
    context: Arc<Context>,
    permits: Arc<Semaphore>,
}

/// The endpoint for questions.
pub fn router(context: Arc<Context>) -> Router {
    let plans = Plans { context, permits: Arc::new(Semaphore::new(PARALLEL)) };
    Router::new()
        .route("/v1/plan/{namespace}", post(plan))
        .layer(axum::extract::DefaultBodyLimit::max(LIMIT))
        .with_state(plans)
}

async fn plan(
    State(plans): State<Plans>,
    Path(namespace): Path<String>,
    request: Request,
) -> Result<Json<Preview>, Refusal> {
    let _permit = plans.permits.try_acquire().map_err(|_| Refusal::Busy)?;
    let answer = async {
        caller::check(&plans.context.client, &namespace, request.headers()).await?;
        let Json(question) = Json::<Question>::from_request(request, &()).await.map_err(Refusal::Question)?;
        answer(&plans.context, &namespace, question).await
    };
    let answered = tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(Refusal::Slow));
    answered.map(Json)
}

async fn answer(context: &Context, namespace: &str, mut question: Question) -> Result<Preview, Refusal> {
    question.object["metadata"]["namespace"] = namespace.into();
    let object = &question.object;
    match object["kind"].as_str().unwrap_or_default() {
        "DevEnvironment" => environment::plan(context, typed(object)?).await,
        "Fleet" => fleet::plan(context, typed(object)?).await,
        "ServiceRepo" => fleet::plan_repo(context, typed(object)?).await,
        "GitSync" => gitsync::plan(context, typed(object)?, question.commit, question.files).await,
        kind => Err(Refusal::Kind(kind.to_owned())),
    }
}

fn typed<K: DeserializeOwned>(object: &Value) -> Result<K, Refusal> {
    serde_json::from_value(object.clone()).map_err(Refusal::Object)
}
