//! What happens to a build that is over, and when it goes.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{DeleteParams, Preconditions};
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt as _};
use slipway_crds::names;
use slipway_crds::v1alpha1::{BuildOutcome, BuildStep, ServiceBuild};
use slipway_plan::build::retention::{self, Kept};
use slipway_plan::build::retry;
use slipway_plan::desired::build;
use slipway_plan::diff::Owner;
use slipway_plan::object::Observed;
use tracing::info;

use super::kin::made_at;
use super::{PATIENCE, act, made, trial};
use crate::cache::build_key;
use crate::context::Context;
use crate::error::Error;
use crate::finalizers;
use crate::reconcile::wake;

/// A build that is over: what still runs for it ends, old ones make room, and what failed by nobody's fault makes room
/// for another try.
pub async fn keep_house(context: &Context, done: &ServiceBuild, now: Timestamp) -> Result<Action, Error> {
    let namespace = done.namespace().unwrap_or_default();
    let Some(observed) = context.builds.of_build(&namespace, &done.name_any()) else {
        context.builds.written.expire(&build_key(&namespace, &done.name_any()), PATIENCE);
        return Ok(Action::requeue(PATIENCE));
    };
    context.progress.forget(&done.uid().unwrap_or_default());
    context.turns.decide(done, |_| ((), None));
    // All others end by themselves, and their logs can still be read.
    let is_given_up = matches!(outcome(done), Some(BuildOutcome::Error | BuildOutcome::Cancelled));
    end_jobs(context, done, &observed, |job| is_given_up && !has_ended(job)).await?;
    remove_superfluous(context, &namespace, done).await?;
    if trial::of(done).is_some() || trial::is_told(context, &namespace, &done.name_any()) {
        wake::who_tries(&context.stores.fleets, &context.ask_fleet, &namespace);
    }
    let again = done.status.as_ref().and_then(retry::at).filter(|_| was_asked_for(done));
    match again {
        Some(at) if at <= now => remove(context, done).await.map(|()| Action::await_change()),
        again => Ok(crate::reconcile::again(again)),
    }
}

fn outcome(done: &ServiceBuild) -> Option<BuildOutcome> {
    done.status.as_ref()?.outcome
}

/// Whether an environment asked for it, and would ask again.
fn was_asked_for(done: &ServiceBuild) -> bool {
    done.labels().contains_key(names::BUILDS)
}

/// A build that goes: its Jobs first, and after the last of the fleet what they shared.
pub async fn end(context: &Context, going: &ServiceBuild) -> Result<Action, Error> {
    if !going.finalizers().iter().any(|name| name == names::BUILD_FINALIZER) {
        return Ok(Action::await_change());
    }
    let namespace = going.namespace().unwrap_or_default();
    let key = build_key(&namespace, &going.name_any());
    let Some(observed) = context.builds.of_build(&namespace, &going.name_any()) else {
        context.builds.written.expire(&key, PATIENCE);
        return Ok(Action::requeue(PATIENCE));
    };
    if end_jobs(context, going, &observed, |_| true).await? {
        return Ok(Action::requeue(Duration::from_secs(1)));
    }
    if is_last(context, &namespace, going) {
        remove_room(context, &namespace, &key, &observed).await?;
    }
    context.builds.written.forget(&key);
    context.reported.forget(&going.uid().unwrap_or_default());
    context.progress.forget(&going.uid().unwrap_or_default());
    context.turns.decide(going, |_| ((), None));
    finalizers::remove(&context.client, going, names::BUILD_FINALIZER).await?;
    Ok(Action::await_change())
}

/// Removes Jobs of the build; whether any are there still.
async fn end_jobs(
    context: &Context,
    build: &ServiceBuild,
    observed: &[Observed],
    which: impl Fn(&Observed) -> bool,
) -> Result<bool, Error> {
    let uid = build.uid().unwrap_or_default();
    let owner = Owner { uid, manager: names::BUILD_MANAGER.to_owned(), ..Owner::default() };
    let jobs: Vec<&Observed> = observed
        .iter()
        .filter(|object| object.key.kind == "Job" && owner.owns(object) && which(object))
        .collect();
    let steps = act::removal(jobs.iter().copied());
    let key = build_key(&build.namespace().unwrap_or_default(), &build.name_any());
    act::apply_as(context, &owner, &key, &steps).await?;
    Ok(!jobs.is_empty())
}

fn has_ended(job: &Observed) -> bool {
    let conditions = job.body["status"]["conditions"].as_array();
    let over = |condition: &serde_json::Value| {
        condition["status"] == "True" && (condition["type"] == "Complete" || condition["type"] == "Failed")
    };
    conditions.is_some_and(|conditions| conditions.iter().any(over))
}

fn is_last(context: &Context, namespace: &str, going: &ServiceBuild) -> bool {
    let stays = |other: &ServiceBuild| {
        other.namespace().as_deref() == Some(namespace)
            && other.uid() != going.uid()
            && other.metadata.deletion_timestamp.is_none()
    };
    context.stores.builds.find(stays).is_none()
}

async fn remove_room(
    context: &Context,
    namespace: &str,
    key: &str,
    observed: &[Observed],
) -> Result<(), Error> {
    let owner = Owner {
        uid: build::fleet_uid(namespace),
        manager: names::BUILD_MANAGER.to_owned(),
        ..Owner::default()
    };
    let room = observed.iter().filter(|object| object.key.kind == "Namespace" && owner.owns(object));
    act::apply_as(context, &owner, key, &act::removal(room)).await
}

/// Of each service the newest stay, and what an environment runs.
async fn remove_superfluous(context: &Context, namespace: &str, done: &ServiceBuild) -> Result<(), Error> {
    let Ok(fleet) = made::fleet(context, namespace) else { return Ok(()) };
    let is_over = |build: &ServiceBuild| {
        build.namespace().as_deref() == Some(namespace)
            && build.spec.service == done.spec.service
            && build.status.as_ref().is_some_and(|status| status.step == BuildStep::Finished)
            && build.metadata.deletion_timestamp.is_none()
            && !trial::is_told(context, namespace, &build.name_any())
    };
    let all = context.stores.builds.state_filter(is_over);
    // A build without an image is known by its own name.
    let image = |build: &ServiceBuild| {
        let image = build.status.as_ref().and_then(|status| status.image.clone());
        image.unwrap_or_else(|| build.name_any())
    };
    let kept: Vec<Kept> = all
        .iter()
        .map(|build| Kept { service: build.spec.service.clone(), image: image(build), made: made_at(build) })
        .collect();
    let keep = usize::try_from(fleet.builds.keep).unwrap_or(usize::MAX);
    let superfluous = retention::superfluous(&kept, &in_use(context, namespace), keep);
    let superfluous: BTreeSet<(&str, Timestamp)> =
        superfluous.into_iter().map(|old| (old.image.as_str(), old.made)).collect();
    for old in all.iter().filter(|old| superfluous.contains(&(image(old).as_str(), made_at(old)))) {
        remove(context, old).await?;
    }
    Ok(())
}

fn in_use(context: &Context, namespace: &str) -> BTreeSet<String> {
    let environments = context
        .stores
        .environments
        .state_filter(|environment| environment.namespace().as_deref() == Some(namespace));
    let locks = environments.iter().filter_map(|environment| environment.status.as_ref());
    locks.flat_map(|status| &status.lock).filter_map(|locked| locked.image.clone()).collect()
}

/// Deletes a build; its Jobs end first.
pub async fn remove(context: &Context, old: &ServiceBuild) -> Result<(), Error> {
    let (name, namespace) = (old.name_any(), old.namespace().unwrap_or_default());
    info!(build = name, namespace, "removing a build that nobody needs");
    let api: Api<ServiceBuild> = Api::namespaced(context.client.clone(), &namespace);
    let preconditions = Preconditions { uid: old.metadata.uid.clone(), resource_version: None };
    match api.delete(&name, &DeleteParams::default().preconditions(preconditions)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(source) => Err(Error::Write { verb: "delete", what: format!("ServiceBuild {name}"), source }),
    }
}
