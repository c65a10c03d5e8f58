//! The newest commit of the ops repository, tried with every service that is built.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{Fleet, ServiceBuild, ServiceRepo};
use slipway_plan::environment::resolve::Unavailable;
use slipway_plan::ops::{self, Next, OpsFacts, OpsState, Seen, Subject};
use slipway_plan::service_name::ServiceName;

use crate::context::{self, Context, Stores};
use crate::error::Error;
use crate::reconcile::dev_environment::knowledge;
use crate::reconcile::service_build::{Ground, logins, trial};

/// Whether all is known that a trial depends on: a service that is not seen must not be taken for missing. It is not waited
/// for, since environments and builds wait for Fleets.
pub fn is_all_listed(stores: &Stores) -> bool {
    let Stores { repos, builds, environments, .. } = stores;
    repos.wait_until_ready().now_or_never().is_some()
        && builds.wait_until_ready().now_or_never().is_some()
        && environments.wait_until_ready().now_or_never().is_some()
}

/// Which commit is the default now, when the trunk is at `head`.
pub async fn look(
    fleet: &Fleet,
    context: &Context,
    namespace: &str,
    head: Option<&String>,
) -> Result<Next, Error> {
    let state = OpsState::of(&fleet.status.clone().unwrap_or_default());
    let (head, target) = (head.cloned(), ops::target(&state, head.map(String::as_str)));
    let facts = match target {
        None => OpsFacts { head, base: Ok(String::new()), services: BTreeMap::new(), builds: Vec::new() },
        Some(target) => OpsFacts {
            head,
            base: base(fleet, context, namespace, target).await?.map_err(|why| why.message),
            services: services(context, namespace).await,
            builds: builds(context, namespace),
        },
    };
    Ok(ops::next(&state, &facts, context::now()))
}

/// Asks for the builds that are missing, and removes those of commits that are tried no more.
pub async fn act(context: &Context, namespace: &str, decided: &Next) -> Result<(), Error> {
    for wanted in &decided.ask {
        trial::ask(context, namespace, wanted).await?;
    }
    trial::tidy(context, namespace, &decided.state).await
}

/// The base image by digest, once the ops commit is in the mirror, too.
async fn base(
    fleet: &Fleet,
    context: &Context,
    namespace: &str,
    target: &str,
) -> Result<Result<String, Unavailable>, Error> {
    let (pull, _) = match logins(context, namespace, &fleet.spec).await? {
        Ok(logins) => logins,
        Err(problem) => return Ok(Err(problem)),
    };
    let ground = Ground { context, namespace, fleet: &fleet.spec, login: pull.as_deref() };
    Ok(ground.inputs("", Some(target)).await.map(|inputs| inputs.base))
}

async fn services(context: &Context, namespace: &str) -> BTreeMap<ServiceName, Subject> {
    let is_here = |repo: &ServiceRepo| {
        repo.namespace().as_deref() == Some(namespace) && repo.metadata.deletion_timestamp.is_none()
    };
    let mut found = BTreeMap::new();
    for repo in context.stores.repos.state_filter(is_here) {
        // A name that is none is refused by the schema.
        let Ok(service) = ServiceName::parse(&repo.name_any()) else { continue };
        if let Some(subject) = subject(context, namespace, &repo, &service).await {
            found.insert(service, subject);
        }
    }
    found
}

/// The service at its trunk; None of one that names an image.
async fn subject(
    context: &Context,
    namespace: &str,
    repo: &ServiceRepo,
    service: &ServiceName,
) -> Option<Subject> {
    let Some(repository) = context.repositories.get(namespace, service) else {
        return Some(Subject::Unknown("its repository was not read yet".to_owned()));
    };
    let found = knowledge::commit(context, &repository, None).await;
    let (Ok(found), Some((remote, _))) = (&found, &repository.read) else {
        let why = found.err().map_or_else(|| "its repository was not read yet".to_owned(), |why| why.message);
        // What could be read once is waited for: a git server that is away is no reason to try less.
        let was_read = repo.status.as_ref().is_some_and(|status| status.trunk_commit.is_some());
        return Some(if was_read { Subject::Unknown(why) } else { Subject::Unfit(why) });
    };
    match knowledge::manifest(context, remote, service, &found.commit).await {
        Ok(manifest) if manifest.image.is_some() => None,
        Ok(_) => Some(Subject::At(found.commit.clone())),
        Err(error) => Some(Subject::Unfit(format!("its manifest: {error}"))),
    }
}

fn builds(context: &Context, namespace: &str) -> Vec<Seen> {
    let is_here = |build: &ServiceBuild| {
        build.namespace().as_deref() == Some(namespace) && build.metadata.deletion_timestamp.is_none()
    };
    let seen = |build: &ServiceBuild| Seen {
        name: build.name_any(),
        service: build.spec.service.clone(),
        made: build.creation_timestamp().map(|time| time.0).unwrap_or_default(),
        status: build.status.clone().unwrap_or_default(),
    };
    context.stores.builds.state_filter(is_here).iter().map(|build| seen(build)).collect()
}
