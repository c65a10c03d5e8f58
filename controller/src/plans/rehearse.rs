//! Asks the API server what a step would make of its object: its defaults, its refusals, what others wrote. Nothing is written.

use futures::{StreamExt as _, stream};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use slipway_plan::diff::Step;
use slipway_plan::gitsync::preview::Rehearsals;
use slipway_plan::object::{Object, ObjectKey};
use slipway_plan::preview::{Rehearsed, merge_patch, release};

use crate::{cache, own_kinds};

/// How many requests are under way at once.
const PARALLEL: usize = 8;

/// Rehearses all creates and updates, as a field manager.
pub async fn all(client: &Client, manager: &str, steps: &[Step]) -> Rehearsals {
    let each = steps.iter().map(|step| one(client, manager, step));
    let each: Vec<_> = each.collect();
    stream::iter(each).buffer_unordered(PARALLEL).filter_map(std::future::ready).collect().await
}

/// Rehearses what exists already; the namespace of what does not may not exist either.
pub async fn updates(client: &Client, manager: &str, steps: &[Step]) -> Rehearsals {
    let updates: Vec<Step> =
        steps.iter().filter(|step| matches!(step, Step::Update { .. })).cloned().collect();
    all(client, manager, &updates).await
}

async fn one(client: &Client, manager: &str, step: &Step) -> Option<(ObjectKey, Result<Rehearsed, String>)> {
    let (object, rehearsed) = match step {
        Step::Create(object) => (object, create(client, manager, object).await),
        Step::Update { object, uid, .. } => (object, update(client, manager, object, uid).await),
        Step::Delete { .. } => return None,
    };
    let refused = |error: kube::Error| match error {
        kube::Error::Api(status) => status.message,
        other => other.to_string(),
    };
    Some((object.key.clone(), rehearsed.map_err(refused)))
}

async fn create(client: &Client, manager: &str, object: &Object) -> kube::Result<Rehearsed> {
    let params = PostParams { dry_run: true, field_manager: Some(manager.to_owned()) };
    let body: DynamicObject =
        serde_json::from_value(object.body.clone().into()).map_err(kube::Error::SerdeError)?;
    let after = api(client, &object.key).create(&params, &body).await?;
    Ok(Rehearsed { before: json!({}), after: value(&after)? })
}

async fn update(client: &Client, manager: &str, object: &Object, uid: &str) -> kube::Result<Rehearsed> {
    let (api, name) = (api(client, &object.key), &object.key.name);
    let before = value(&api.get(name).await?)?;
    let mut body = object.body.clone();
    body["metadata"]["uid"] = Value::from(uid);
    let params = PatchParams { dry_run: true, ..PatchParams::apply(manager).force() };
    let applied = value(&api.patch(name, &params, &Patch::Apply(&body)).await?)?;
    let mut after = applied.clone();
    release(&mut after, &before, &object.body, manager);
    if after != applied {
        after = without(&api, manager, &before, after).await?;
    }
    Ok(Rehearsed { before, after })
}

/// Fields that are given up may get a default in their place.
async fn without(
    api: &Api<DynamicObject>,
    manager: &str,
    before: &Value,
    mut after: Value,
) -> kube::Result<Value> {
    after["metadata"]["managedFields"] = before["metadata"]["managedFields"].clone();
    let patch = Patch::Merge(merge_patch(before, &after));
    let params =
        PatchParams { dry_run: true, field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let name = before["metadata"]["name"].as_str().unwrap_or_default();
    value(&api.patch(name, &params, &patch).await?)
}

fn value(object: &DynamicObject) -> kube::Result<Value> {
    serde_json::to_value(object).map_err(kube::Error::SerdeError)
}

fn api(client: &Client, key: &ObjectKey) -> Api<DynamicObject> {
    let (group, version) = key.api_version.split_once('/').unwrap_or(("", &key.api_version));
    let known = cache::kinds().into_iter().chain(own_kinds());
    let resource =
        known.into_iter().find(|known| known.api_version == key.api_version && known.kind == key.kind);
    let resource =
        resource.unwrap_or_else(|| ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &key.kind)));
    match &key.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}
