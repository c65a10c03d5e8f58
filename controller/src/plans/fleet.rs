//! Which environments would change with a Fleet or a `ServiceRepo`, and how.

use std::sync::Arc;

use futures::{StreamExt as _, stream};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::{Value, json};
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, ServiceRepo};
use slipway_crds::{conditions, reasons};
use slipway_plan::environment::resolve::Unavailable;
use slipway_plan::preview::{Act, PlannedStep, Preview, changes};
use slipway_plan::service_name::ServiceName;

use super::refusal::Refusal;
use super::{Supposed, environment};
use crate::context::Context;
use crate::repositories::Repository;

/// Environments that are looked at at once.
const PARALLEL: usize = 4;

/// Which environments would change if the Fleet were that.
pub async fn plan(context: &Context, fleet: Fleet) -> Result<Preview, Refusal> {
    let namespace = fleet.namespace().unwrap_or_default();
    let before = context.stores.fleets.get(&ObjectRef::new(&fleet.name_any()).within(&namespace));
    let others = context.stores.fleets.state_filter(|other| {
        other.namespace().as_deref() == Some(&namespace) && other.name_any() != fleet.name_any()
    });
    let mut told = itself(&fleet, &fleet.spec, before.as_ref().map(|before| &before.spec));
    let says = slipway_plan::fleet::says(&fleet.spec, others.len() + 1, None, None);
    told.problems
        .extend(says.into_iter().filter(|say| say.type_ == conditions::STALLED).map(|say| say.message));
    if told.problems.is_empty() {
        follow(context, &namespace, &Supposed { fleet: Some(fleet.spec), ..Supposed::default() }, &mut told)
            .await?;
    }
    Ok(told)
}

/// Which environments would change if the repository were that. A repository at another place is not contacted.
pub async fn plan_repo(context: &Context, repo: ServiceRepo) -> Result<Preview, Refusal> {
    let namespace = repo.namespace().unwrap_or_default();
    let before = context.stores.repos.get(&ObjectRef::new(&repo.name_any()).within(&namespace));
    let mut told = itself(&repo, &repo.spec, before.as_ref().map(|before| &before.spec));
    let service = match ServiceName::parse(&repo.name_any()) {
        Ok(service) => service,
        Err(error) => {
            told.problems.push(error.to_string());
            return Ok(told);
        }
    };
    let is_there = before.is_some_and(|before| {
        (&before.spec.url, &before.spec.credentials) == (&repo.spec.url, &repo.spec.credentials)
    });
    let known = context.repositories.get(&namespace, &service).filter(|_| is_there);
    let repository = match known {
        Some(known) => Repository { trunk: repo.spec.trunk.clone(), ..known },
        None => Repository { trunk: repo.spec.trunk.clone(), read: None, failure: Some(unread()) },
    };
    if !is_there {
        told.waits.push(unread().message);
    }
    let repositories = [(service, repository)].into();
    follow(context, &namespace, &Supposed { repositories, ..Supposed::default() }, &mut told).await?;
    Ok(told)
}

fn unread() -> Unavailable {
    let message = "its repository: it is not read before this is applied".to_owned();
    Unavailable { reason: reasons::FETCH_FAILED, message }
}

/// What would become of the object itself.
fn itself<K, S>(object: &K, spec: &S, before: Option<&S>) -> Preview
where
    K: Resource<DynamicType = ()>,
    S: Serialize,
{
    let kind = K::kind(&());
    let name = format!("{kind} {}/{}", object.namespace().unwrap_or_default(), object.name_any());
    let value = |spec: &S| json!({"spec": serde_json::to_value(spec).unwrap_or_default()});
    let step = |act, fields| PlannedStep { act, object: name.clone(), place: None, why: None, fields };
    let steps = match before.map(|before| changes(&kind, &value(before), &value(spec))) {
        None => vec![step(Act::Create, Vec::new())],
        Some(fields) if fields.is_empty() => Vec::new(),
        Some(fields) => vec![step(Act::Change, fields)],
    };
    Preview { of: name, steps, ..Preview::default() }
}

async fn follow(
    context: &Context,
    namespace: &str,
    supposed: &Supposed,
    told: &mut Preview,
) -> Result<(), Refusal> {
    let mut all =
        context.stores.environments.state_filter(|one| one.namespace().as_deref() == Some(namespace));
    all.sort_by_key(|environment| environment.name_any());
    let each: Vec<_> = all.into_iter().map(|one| compared(context, one, supposed)).collect();
    let mut each = stream::iter(each).buffered(PARALLEL);
    while let Some(compared) = each.next().await {
        let (preview, moves) = compared?;
        if moves { told.follows.push(preview) } else { told.unchanged.push(preview.of) }
    }
    Ok(())
}

/// What would become of an environment, and whether that is because of what is supposed.
async fn compared(
    context: &Context,
    environment: Arc<DevEnvironment>,
    supposed: &Supposed,
) -> Result<(Preview, bool), Refusal> {
    let then = environment::supposing(context, &environment, supposed).await?;
    let now = environment::supposing(context, &environment, &Supposed::default()).await?;
    let said = |preview: &Preview| -> Value { json!([preview.steps, preview.problems]) };
    let moves = said(&then) != said(&now);
    Ok((then, moves))
}
