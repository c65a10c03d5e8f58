//! Does what was decided about an environment.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, LogParams, Preconditions};
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt as _};
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::diff::{Owner, Plan};
use slipway_plan::environment::decide::{Act, Decision, Refusal};
use slipway_plan::object::ObjectKey;
use slipway_plan::{event, integration};
use tracing::info;

use super::gather::Gathered;
use crate::apply::{Applied, Applier, ApplyError};
use crate::cache;
use crate::context::Context;
use crate::error::Error;
use crate::{finalizers, tell};

/// The first act: the finalizer, so that nothing is left when the object goes.
pub async fn begin(context: &Context, environment: &DevEnvironment) -> Result<Action, Error> {
    if environment.metadata.deletion_timestamp.is_none() {
        finalizers::add(&context.client, environment, names::ENVIRONMENT_FINALIZER).await?;
    }
    Ok(Action::await_change())
}

/// Does what was decided.
pub async fn act(
    context: &Context,
    environment: &Arc<DevEnvironment>,
    gathered: &Gathered,
    act: Act,
) -> Result<(), Error> {
    match act {
        Act::Wait => {
            context.refused.forget(&gathered.identity.uid);
            Ok(())
        }
        Act::Apply(plan) => apply(context, environment, gathered, plan).await,
        Act::RemoveFinalizer => {
            forget(context, gathered);
            finalizers::remove(&context.client, environment.as_ref(), names::ENVIRONMENT_FINALIZER).await
        }
        Act::RemoveObject => remove(context, environment).await,
    }
}

fn forget(context: &Context, gathered: &Gathered) {
    let identity = &gathered.identity;
    context.blocks.release(&identity.uid);
    context.refused.forget(&identity.uid);
    context.reported.forget(&identity.uid);
    context.starts.forget(&identity.uid);
    context.cache.written.forget(&cache::environment_key(&identity.fleet_namespace, &identity.name));
}

async fn apply(
    context: &Context,
    environment: &Arc<DevEnvironment>,
    gathered: &Gathered,
    plan: Plan,
) -> Result<(), Error> {
    let identity = &gathered.identity;
    for step in &plan.steps {
        info!(environment = identity.name, %step, "applying");
    }
    tell::tell(context, environment.as_ref(), event::drift_corrected(&plan)).await;
    let owner = Owner {
        uid: identity.uid.clone(),
        manager: names::ENVIRONMENT_MANAGER.to_owned(),
        ..Owner::default()
    };
    let key = cache::environment_key(&identity.fleet_namespace, &identity.name);
    let applier = Applier {
        client: &context.client,
        owner: &owner,
        written: Some((&context.cache.written, &key)),
        resources: &[],
    };
    let outcome = applier.apply(&plan.steps, rank).await;
    remember_refusals(context, gathered, &outcome)
}

/// What a pod needs at its start before the pod: who it may talk to, what its image is pulled with, names. Then the rest.
fn rank(key: &ObjectKey) -> usize {
    match key.kind.as_str() {
        "Namespace" => 0,
        "NetworkPolicy" | "Secret" | "Service" => 1,
        _ => 2,
    }
}

fn remember_refusals(context: &Context, gathered: &Gathered, applied: &Applied) -> Result<(), Error> {
    let uid = &gathered.identity.uid;
    let (stale, failed): (Vec<_>, Vec<_>) = applied.failed.iter().partition(|error| error.is_stale());
    let Some(first) = failed.first() else {
        context.refused.forget(uid);
        return if stale.is_empty() { Ok(()) } else { Err(Error::Stale(stale.len())) };
    };
    if applied.failed.iter().any(is_taken_address) {
        context.blocks.refuse(uid);
    }
    let conflict = failed.iter().find_map(|error| match error {
        ApplyError::Conflict(conflict) => Some(Refusal::Conflict(conflict.to_string())),
        ApplyError::Request { .. } => None,
    });
    context.refused.set(uid, Some(conflict.unwrap_or_else(|| Refusal::Refused(first.answer()))));
    Err(Error::Apply { failed: failed.len(), first: first.answer() })
}

/// The API server's words for a ClusterIP that another Service has.
fn is_taken_address(error: &ApplyError) -> bool {
    error.answer().contains("provided IP is already allocated")
}

async fn remove(context: &Context, environment: &DevEnvironment) -> Result<(), Error> {
    let (name, namespace) = (environment.name_any(), environment.namespace().unwrap_or_default());
    let api: Api<DevEnvironment> = Api::namespaced(context.client.clone(), &namespace);
    let preconditions = Preconditions { uid: environment.metadata.uid.clone(), resource_version: None };
    let deleted = api.delete(&name, &DeleteParams::default().preconditions(preconditions)).await;
    let write = |source| Error::Write { verb: "delete", what: format!("DevEnvironment {name}"), source };
    deleted.map(drop).map_err(write)
}

/// Appends the last log lines of a service that never got ready to the message of the run.
pub async fn add_log(context: &Context, gathered: &Gathered, decision: &mut Decision) {
    let Some(service) = decision.log_of.take() else { return };
    let Some(run) = decision.status.integration.take() else { return };
    let log = last_lines(context, &gathered.identity.namespace, &service).await;
    decision.status.integration = Some(integration::with_log(run, &log));
}

async fn last_lines(context: &Context, namespace: &str, service: &str) -> String {
    let api: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let selector = format!("{}={service}", names::SERVICE);
    let Ok(pods) = api.list(&ListParams::default().labels(&selector)).await else { return String::new() };
    let params = LogParams { tail_lines: Some(20), ..LogParams::default() };
    for pod in pods {
        if let Ok(log) = api.logs(&pod.name_any(), &params).await {
            return log;
        }
    }
    String::new()
}
