//! Builds that were made to try a commit of the ops repository.

use std::collections::BTreeSet;

use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{BuildOutcome, ServiceBuild, ServiceBuildSpec};
use slipway_plan::ops::{self, OpsState, Tried, Wanted};

use super::end;
use super::image::create;
use crate::context::Context;
use crate::error::Error;

/// Service, commit and ops commit of what environments run or wait for.
pub type Asked = BTreeSet<(String, String, String)>;

/// What was asked for with a build, if it was made to try an ops commit.
pub fn of(build: &ServiceBuild) -> Option<Tried> {
    let ops_commit = build.labels().get(names::TRIAL)?.clone();
    let (service, commit) = (build.spec.service.clone(), build.spec.commit.clone());
    let outcome = build.status.as_ref().and_then(|status| status.outcome);
    let wanted = Wanted { build: build.name_any(), service, commit, ops_commit };
    Some(Tried { wanted, is_good: outcome == Some(BuildOutcome::Succeeded) })
}

/// Whether an environment runs or waits for the same.
pub fn is_asked(asked: &Asked, tried: &Tried) -> bool {
    let Wanted { service, commit, ops_commit, .. } = &tried.wanted;
    asked.contains(&(service.clone(), commit.clone(), ops_commit.clone()))
}

/// What the environments of a namespace run or wait for.
pub fn asked(context: &Context, namespace: &str) -> Asked {
    let is_here =
        |found: &slipway_crds::v1alpha1::DevEnvironment| found.namespace().as_deref() == Some(namespace);
    let environments = context.stores.environments.state_filter(is_here);
    let locks = environments.iter().filter_map(|environment| environment.status.as_ref());
    locks
        .flat_map(|status| &status.lock)
        .filter_map(|locked| {
            Some((locked.service.clone(), locked.commit.clone()?, locked.ops_commit.clone()?))
        })
        .collect()
}

/// Asks for a build that tries an ops commit. A build of the same that is there already serves as well.
pub async fn ask(context: &Context, namespace: &str, wanted: &Wanted) -> Result<(), Error> {
    let spec = ServiceBuildSpec {
        service: wanted.service.clone(),
        commit: wanted.commit.clone(),
        ops_commit: Some(wanted.ops_commit.clone()),
    };
    let label = (names::TRIAL.to_owned(), wanted.ops_commit.clone());
    create(context, namespace, &wanted.build, spec, Some(label)).await
}

/// Ends and removes the builds of ops commits that are tried no more.
pub async fn tidy(context: &Context, namespace: &str, state: &OpsState) -> Result<(), Error> {
    let is_here = |build: &ServiceBuild| {
        build.namespace().as_deref() == Some(namespace) && build.metadata.deletion_timestamp.is_none()
    };
    let all = context.stores.builds.state_filter(is_here);
    let tried: Vec<Tried> = all.iter().filter_map(|build| of(build)).collect();
    let superfluous = ops::superfluous(&tried, state, &asked(context, namespace));
    for build in all.iter().filter(|build| superfluous.contains(&build.name_any().as_str())) {
        end::remove(context, build).await?;
    }
    Ok(())
}

/// Whether the Fleet's status tells of this build as a trial: then it stays until that is over.
pub fn is_told(context: &Context, namespace: &str, build: &str) -> bool {
    let tells = |fleet: &slipway_crds::v1alpha1::Fleet| {
        let candidate = fleet.status.as_ref().and_then(|status| status.ops_candidate.as_ref());
        let mut trials = candidate.into_iter().flat_map(|candidate| &candidate.trials);
        fleet.namespace().as_deref() == Some(namespace)
            && trials.any(|trial| trial.build.as_deref() == Some(build))
    };
    context.stores.fleets.find(tells).is_some()
}
