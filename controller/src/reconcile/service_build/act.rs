//! Does what was decided about a build.

use std::collections::BTreeSet;

use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{BuildInputs, ServiceBuild};
use slipway_plan::build::Act;
use slipway_plan::build::inputs::Tags;
use slipway_plan::commit::CommitId;
use slipway_plan::desired::build::{self, Making};
use slipway_plan::diff::{self, Owner, Plan, Step};
use slipway_plan::environment::resolve::FoundDigest;
use slipway_plan::object::{ObjectKey, Observed};
use tracing::info;

use super::gather::Gathered;
use crate::apply::Applier;
use crate::cache;
use crate::context::Context;
use crate::error::Error;
use crate::git::Remote;

/// Does what was decided.
pub async fn act(
    context: &Context,
    build: &ServiceBuild,
    gathered: &Gathered,
    act: Act,
) -> Result<(), Error> {
    match act {
        Act::Wait => Ok(()),
        Act::MakeJob => make(context, build, gathered, false).await,
        Act::MakeUnitJob => make(context, build, gathered, true).await,
        Act::NameGood => name(context, build, gathered, |tags| tags.good).await,
        Act::NameFailed => name(context, build, gathered, |tags| tags.failed).await,
    }
}

/// The room of all builds, and in it the Job.
async fn make(context: &Context, build: &ServiceBuild, gathered: &Gathered, unit: bool) -> Result<(), Error> {
    let status = build.status.clone().unwrap_or_default();
    let (Some(fleet), Some(manifest), Some(inputs)) = (&gathered.fleet, &gathered.manifest, &status.inputs)
    else {
        return Ok(());
    };
    let Some(place) = place(context, gathered, inputs).await? else { return Ok(()) };
    let making = Making {
        identity: &gathered.identity,
        fleet,
        service: &gathered.service,
        manifest,
        inputs,
        parent: status.parent.as_ref(),
        assets_from: status.assets_from.as_deref(),
        newest: place.newest,
        source: &place.source,
        plain_http: context.registry.plain_http(),
        agent: &context.agent,
    };
    let job = match (unit, &manifest.unit, &gathered.facts.candidate) {
        (false, ..) => build::build_job(&making)?,
        (true, Some(tests), FoundDigest::Image(image)) => build::build_unit_job(&making, tests, image)?,
        (true, ..) => return Ok(()),
    };
    make_room(context, gathered, &making).await?;
    let steps = [Step::Create(job.stamped())];
    apply(context, gathered, &own(gathered), &steps).await
}

async fn make_room(context: &Context, gathered: &Gathered, making: &Making<'_>) -> Result<(), Error> {
    let (pull, push) = (gathered.pull.as_deref(), gathered.push.as_deref());
    let room = build::build_room(making.identity, making.fleet, making.agent, pull, push)?;
    let owner = Owner {
        uid: build::fleet_uid(&gathered.identity.fleet_namespace),
        manager: names::BUILD_MANAGER.to_owned(),
        ..Owner::default()
    };
    let observed = context.pull_secrets.copies_in(&gathered.identity.namespace, &gathered.observed).await?;
    let observed: Vec<Observed> = gathered.observed.iter().cloned().chain(observed).collect();
    let kept: BTreeSet<ObjectKey> = BTreeSet::new();
    let plan: Plan = diff::diff(&owner, &room, &kept, &observed);
    if let Some(conflict) = plan.conflicts.first() {
        return Err(Error::Apply { failed: plan.conflicts.len(), first: conflict.to_string() });
    }
    apply(context, gathered, &owner, &plan.steps).await
}

/// Where the code comes from, and when it was made.
struct Place {
    source: String,
    newest: i64,
}

/// None while a mirror was not read yet.
async fn place(context: &Context, gathered: &Gathered, inputs: &BuildInputs) -> Result<Option<Place>, Error> {
    let namespace = &gathered.identity.fleet_namespace;
    let service = context.repositories.get(namespace, &gathered.service).and_then(|found| found.read);
    let ops = context.ops.get(namespace).and_then(|found| found.read);
    let (Some((service, _)), Some((ops, _))) = (service, ops) else { return Ok(None) };
    let newest = committed_at(context, &service, &inputs.commit)
        .await?
        .max(committed_at(context, &ops, &inputs.ops_commit).await?);
    Ok(Some(Place { source: service.url.to_string(), newest }))
}

async fn committed_at(context: &Context, remote: &Remote, commit: &str) -> Result<i64, Error> {
    // A commit was found in a mirror before it was recorded.
    let Ok(id) = commit.parse::<CommitId>() else { return Ok(0) };
    let found = context.git.committed_at(remote, &id).await;
    found.map_err(|source| Error::Mirror { what: remote.url.to_string(), source })
}

async fn name(
    context: &Context,
    build: &ServiceBuild,
    gathered: &Gathered,
    which: fn(Tags) -> String,
) -> Result<(), Error> {
    let inputs = build.status.as_ref().and_then(|status| status.inputs.as_ref());
    let (Some(fleet), Some(inputs)) = (&gathered.fleet, inputs) else { return Ok(()) };
    let FoundDigest::Image(candidate) = &gathered.facts.candidate else { return Ok(()) };
    let tag = which(Tags::of(&fleet.registry, &gathered.service, inputs));
    let secret = gathered.push.as_deref().or(gathered.pull.as_deref());
    info!(build = build.name_any(), image = candidate, tag, "naming");
    context.registry.name(candidate, &tag, secret).await?;
    let _ = context.ask_build.unbounded_send(kube::runtime::reflector::ObjectRef::from_obj(build));
    Ok(())
}

/// Whose the Jobs of a build are.
fn own(gathered: &Gathered) -> Owner {
    Owner { uid: gathered.identity.uid.clone(), manager: names::BUILD_MANAGER.to_owned(), ..Owner::default() }
}

async fn apply(context: &Context, gathered: &Gathered, owner: &Owner, steps: &[Step]) -> Result<(), Error> {
    for step in steps {
        info!(build = gathered.identity.name, %step, "applying");
    }
    let key = cache::build_key(&gathered.identity.fleet_namespace, &gathered.identity.name);
    apply_as(context, owner, &key, steps).await
}

/// Carries steps out, in the order of what needs what.
pub async fn apply_as(context: &Context, owner: &Owner, key: &str, steps: &[Step]) -> Result<(), Error> {
    let written = Some((&context.builds.written, key));
    let applier = Applier { client: &context.client, owner, written, resources: &[] };
    let outcome = applier.apply(steps, rank).await;
    let (stale, failed): (Vec<_>, Vec<_>) = outcome.failed.iter().partition(|error| error.is_stale());
    match failed.first() {
        Some(first) => Err(Error::Apply { failed: failed.len(), first: first.answer() }),
        None if stale.is_empty() => Ok(()),
        None => Err(Error::Stale(stale.len())),
    }
}

fn rank(key: &ObjectKey) -> usize {
    usize::from(key.kind != "Namespace")
}

/// What is to be removed, as steps.
pub fn removal<'a>(objects: impl Iterator<Item = &'a Observed>) -> Vec<Step> {
    let step = |object: &Observed| Step::Delete { key: object.key.clone(), uid: object.uid().to_owned() };
    objects.filter(|object| !object.is_terminating()).map(step).collect()
}
