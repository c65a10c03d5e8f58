//! The newest commit of the ops repository, tried with every service that is built.

use std::collections::BTreeMap;

use kube::ResourceExt as _;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildInputs, Fleet, ServiceBuild, ServiceRepo};
use slipway_plan::build::inputs;
use slipway_plan::environment::resolve::Unavailable;
use slipway_plan::ops::{self, Next, OpsFacts, OpsState, Seen, Subject};
use slipway_plan::service_name::ServiceName;

use crate::context::{self, Context};
use crate::error::Error;
use crate::reconcile::dev_environment::knowledge;
use crate::reconcile::service_build::{Ground, logins, trial};

/// Which commit is the default now, when the trunk is at `head`.
pub async fn look(
    fleet: &Fleet,
    context: &Context,
    namespace: &str,
    head: Option<&String>,
) -> Result<Next, Error> {
    let state = OpsState::of(&fleet.status.clone().unwrap_or_default());
    let mut facts = OpsFacts { head: head.cloned(), ..OpsFacts::default() };
    if let Some(target) = ops::target(&state, facts.head.as_deref()).map(str::to_owned) {
        let inputs = inputs(fleet, context, namespace, &target).await?;
        facts.services = services(context, namespace, &inputs).await;
        facts.builds = builds(context, namespace);
    }
    Ok(ops::next(&state, &facts, context::now()))
}

/// Asks for the builds that are missing, and removes those of commits that are tried no more.
pub async fn act(context: &Context, namespace: &str, decided: &Next) -> Result<(), Error> {
    for wanted in &decided.ask {
        trial::ask(context, namespace, wanted).await?;
    }
    trial::tidy(context, namespace, &decided.state).await
}

/// What every image is made of, but for the service's commit.
async fn inputs(
    fleet: &Fleet,
    context: &Context,
    namespace: &str,
    target: &str,
) -> Result<Result<BuildInputs, Unavailable>, Error> {
    let (pull, _) = match logins(context, namespace, &fleet.spec).await? {
        Ok(logins) => logins,
        Err(problem) => return Ok(Err(problem)),
    };
    let ground = Ground { context, namespace, fleet: &fleet.spec, login: pull.as_deref() };
    Ok(ground.inputs("", Some(target)).await)
}

async fn services(
    context: &Context,
    namespace: &str,
    inputs: &Result<BuildInputs, Unavailable>,
) -> BTreeMap<String, Subject> {
    let is_here = |repo: &ServiceRepo| {
        repo.namespace().as_deref() == Some(namespace) && repo.metadata.deletion_timestamp.is_none()
    };
    let mut found = BTreeMap::new();
    for repo in context.stores.repos.state_filter(is_here) {
        // A name that is none is refused by the schema.
        let Ok(service) = ServiceName::parse(&repo.name_any()) else { continue };
        if let Some(subject) = subject(context, namespace, &repo, &service, inputs).await {
            found.insert(service.to_string(), subject);
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
    inputs: &Result<BuildInputs, Unavailable>,
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
        Ok(manifest) if manifest.image.is_some() => return None,
        Ok(_) => {}
        Err(error) => return Some(Subject::Unfit(format!("its manifest: {error}"))),
    }
    Some(match inputs {
        Ok(inputs) => {
            let inputs = BuildInputs { commit: found.commit.clone(), ..inputs.clone() };
            Subject::Known { build: inputs::name(service, &inputs), commit: inputs.commit }
        }
        Err(Unavailable { reason: reasons::NO_BASE, message }) => Subject::Unfit(message.clone()),
        Err(why) => Subject::Unknown(why.message.clone()),
    })
}

fn builds(context: &Context, namespace: &str) -> Vec<Seen> {
    let is_here = |build: &ServiceBuild| {
        build.namespace().as_deref() == Some(namespace) && build.metadata.deletion_timestamp.is_none()
    };
    let seen = |build: &ServiceBuild| Seen {
        name: build.name_any(),
        service: build.spec.service.clone(),
        status: build.status.clone().unwrap_or_default(),
    };
    context.stores.builds.state_filter(is_here).iter().map(|build| seen(build)).collect()
}
