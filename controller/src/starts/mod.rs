//! How the containers of built services came up, told by the agents in them.
//!
//! ```text
//! POST /v1/starts/{fleet namespace}/{environment}/{service}
//! token ─► TokenReview ─► pod of this environment ─► body read ─► remembered ─► in the status ─► 200
//! ```
//!
//! Nothing is stored beside the environment's status: the agent offers its record until it is in there. So an operator
//! that is killed in between has lost nothing.

mod refusal;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State};
use axum::routing::post;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt as _};
use slipway_agent::StartRecord;
use slipway_agent::report::MAX_DELIVERY_BYTES;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, LockedService, ServiceStart};
use slipway_plan::environment::starts;
use tokio::sync::Semaphore;
use tracing::warn;

use crate::context::Context;
use crate::holder::{self, Holder};
use crate::reconcile::chain;
use crate::sources::entitled;
use refusal::Refusal;

/// Records that are taken at once.
const PARALLEL: usize = 16;
/// How long one may wait until it is in the status; the agent waits for 30 seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked.
const PERIOD: Duration = Duration::from_millis(200);
/// Characters of a reason that are kept.
const REASON: usize = 300;

#[derive(Clone)]
struct Starts {
    context: Arc<Context>,
    permits: Arc<Semaphore>,
}

/// The endpoint for records of starts, to be served where the operator's Service points.
pub fn router(context: Arc<Context>) -> Router {
    let starts = Starts { context, permits: Arc::new(Semaphore::new(PARALLEL)) };
    Router::new()
        .route("/v1/starts/{namespace}/{environment}/{service}", post(take))
        .layer(DefaultBodyLimit::max(MAX_DELIVERY_BYTES))
        .with_state(starts)
}

async fn take(
    State(starts): State<Starts>,
    Path((namespace, environment, service)): Path<(String, String, String)>,
    request: Request,
) -> Result<&'static str, Refusal> {
    let _permit = starts.permits.try_acquire().map_err(|_| Refusal::Busy)?;
    let key = ObjectRef::new(&environment).within(&namespace);
    let taken = deliver(&starts.context, &key, &service, request).await;
    taken.map(|()| "recorded").inspect_err(|refusal| {
        warn!(namespace, environment, service, error = chain(refusal), "the record of a start is not taken");
    })
}

/// Nothing of the body is read before it is known who sends it.
async fn deliver(
    context: &Context,
    key: &ObjectRef<DevEnvironment>,
    service: &str,
    request: Request,
) -> Result<(), Refusal> {
    let holder = holder::of(&context.client, names::BUILD_AUDIENCE, request.headers()).await?;
    let environment = context.stores.environments.get(key);
    let pod = pod(context, &holder).await?;
    entitled::runs(service, environment.as_deref(), &holder, &pod).map_err(Refusal::NotOfThisStart)?;
    let uid = environment.and_then(|environment| environment.uid()).unwrap_or_default();
    let body = Bytes::from_request(request, &()).await.map_err(Refusal::Body)?;
    let record: StartRecord = serde_json::from_slice(&body).map_err(Refusal::Malformed)?;
    let start = start(&holder, &record);
    context.starts.change(&uid, |told| drop(told.insert(service.to_owned(), start)));
    // An error means that the controller is shutting down.
    let _ = context.trigger.unbounded_send(key.clone());
    let recorded = tokio::time::timeout(PATIENCE, until_recorded(context, key, service, &pod)).await;
    recorded.unwrap_or(Err(Refusal::NotRecorded))
}

async fn pod(context: &Context, holder: &Holder) -> Result<Pod, Refusal> {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &holder.namespace);
    let found = pods.get_opt(&holder.pod).await;
    let found = found.map_err(|source| Refusal::Api { what: format!("read pod {}", holder.pod), source })?;
    found
        .filter(|pod| pod.uid().as_ref() == Some(&holder.uid))
        .ok_or(Refusal::NotOfThisStart("its pod is gone"))
}

async fn until_recorded(
    context: &Context,
    key: &ObjectRef<DevEnvironment>,
    service: &str,
    pod: &Pod,
) -> Result<(), Refusal> {
    loop {
        let environment = context.stores.environments.get(key);
        let status = environment.as_ref().and_then(|environment| environment.status.as_ref());
        let lock = status.map(|status| status.lock.as_slice()).unwrap_or_default();
        if is_superseded(lock, service, pod) {
            return Err(Refusal::Superseded);
        }
        if starts::is_recorded(lock, service, &pod.uid().unwrap_or_default()) {
            return Ok(());
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn is_superseded(lock: &[LockedService], service: &str, pod: &Pod) -> bool {
    let Some(locked) = lock.iter().find(|locked| locked.service == service) else { return true };
    let differs = |name: &str, commit: Option<&String>| pod.annotations().get(name) != commit;
    differs(names::COMMIT, locked.commit.as_ref()) || differs(names::OPS_COMMIT, locked.ops_commit.as_ref())
}

/// What of a record belongs into a status.
fn start(holder: &Holder, record: &StartRecord) -> ServiceStart {
    let is_of_the_delta = |name: &str| matches!(name, "fetch" | "provision" | "assets");
    let steps = record.steps.iter().filter(|step| is_of_the_delta(&step.name));
    let delta: Vec<u64> = steps.map(|step| step.milliseconds).collect();
    let seconds = delta.iter().sum::<u64>().div_ceil(1000);
    ServiceStart {
        pod: holder.uid.clone(),
        image_commit: record.image.as_ref().map(|image| image.service_sha.clone()),
        image_ops_commit: record.image.as_ref().map(|image| image.ops_sha.clone()),
        delta_seconds: (!delta.is_empty()).then(|| i64::try_from(seconds).unwrap_or(i64::MAX)),
        error: record.error.as_ref().map(|error| error.chars().take(REASON).collect()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(record: serde_json::Value) -> ServiceStart {
        let holder =
            Holder { namespace: "env".to_owned(), pod: "www-x".to_owned(), uid: "pod-uid".to_owned() };
        start(&holder, &serde_json::from_value(record).unwrap())
    }

    fn identity(service: &str, ops: &str) -> serde_json::Value {
        json!({"service": "www", "serviceSha": service, "opsSha": ops})
    }

    #[test]
    fn the_time_of_the_difference_is_that_of_fetching_and_provisioning() {
        let steps = json!([{"name": "fetch", "milliseconds": 400}, {"name": "provision", "milliseconds": 2_700},
            {"name": "checks", "milliseconds": 9_000}]);
        let start =
            told(json!({"identity": identity("b", "y"), "image": identity("b", "x"), "steps": steps}));
        assert_eq!((start.delta_seconds, start.image_ops_commit.as_deref()), (Some(4), Some("x")));
        assert_eq!((start.pod.as_str(), start.error), ("pod-uid", None));
    }

    #[test]
    fn an_image_of_the_wanted_commits_has_no_difference_and_a_failure_has_its_reason() {
        let steps = json!([{"name": "checks", "milliseconds": 9_000}]);
        assert_eq!(told(json!({"identity": identity("b", "y"), "steps": steps})).delta_seconds, None);
        let failed = told(json!({"identity": identity("b", "y"), "steps": [], "error": "x".repeat(1000)}));
        assert_eq!(failed.error.unwrap().len(), 300);
    }

    #[test]
    fn a_pod_of_an_older_commit_is_not_waited_for() {
        let locked =
            json!({"service": "www", "commit": "b", "opsCommit": "y", "why": "trunk", "ready": false});
        let lock = [serde_json::from_value(locked).unwrap()];
        let pod = |commit: &str, ops: &str| {
            let annotations = json!({"slipway.dev/commit": commit, "slipway.dev/ops-commit": ops});
            serde_json::from_value(json!({"metadata": {"annotations": annotations}})).unwrap()
        };
        assert!(!is_superseded(&lock, "www", &pod("b", "y")));
        assert!(is_superseded(&lock, "www", &pod("a", "y")));
        assert!(is_superseded(&lock, "www", &pod("b", "x")));
        assert!(is_superseded(&lock, "api", &pod("b", "y")));
    }
}
