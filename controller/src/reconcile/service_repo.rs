//! `ServiceRepo`: keeps a mirror of the repository, and asks its environments to look when it moved.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt as _};
use slipway_crds::v1alpha1::{Credentials as Reference, ServiceRepo};
use slipway_plan::duration;
use slipway_plan::environment::resolve::Unavailable;
use slipway_plan::gitsync::source::Failure;
use slipway_plan::service_name::ServiceName;

use super::wake;
use crate::context::{self, Context};
use crate::error::Error;
use crate::git::{Credentials, GitError, Refs, Remote};
use crate::report;
use crate::repositories::Repository;

/// One look at a repository.
pub async fn reconcile(repo: Arc<ServiceRepo>, context: Arc<Context>) -> Result<Action, Error> {
    let namespace = repo.namespace().unwrap_or_default();
    // A name that is none is refused by the schema.
    let Ok(service) = ServiceName::parse(&repo.name_any()) else { return Ok(Action::await_change()) };
    if repo.metadata.deletion_timestamp.is_some() {
        context.repositories.forget(&namespace, &service);
        return Ok(Action::await_change());
    }
    let read = read(&repo, &context, &namespace).await;
    let known = remember(&repo, &context, &namespace, &service, &read);
    let trunk = read.map(|(_, refs)| refs.branch(&repo.spec.trunk).map(ToString::to_string));
    let status = slipway_plan::service_repo::status(
        &repo,
        trunk.map_err(|error| Failure::from(&error)),
        context::now(),
    );
    let moved = repo.status.as_ref().is_none_or(|before| before.trunk_commit != status.trunk_commit);
    let changed = repo.status.as_ref() != Some(&status);
    let reported = ServiceRepo { status: Some(status), ..repo.as_ref().clone() };
    report::status(&context.client, &reported, changed).await?;
    if moved || changed || known {
        wake::environments(&context.stores.environments, &context.trigger, &namespace);
        wake::who_tries(&context.stores.fleets, &context.ask_fleet, &namespace);
    }
    Ok(Action::requeue(interval(&repo.spec.interval)))
}

async fn read(repo: &ServiceRepo, context: &Context, namespace: &str) -> Result<(Remote, Refs), GitError> {
    let remote = remote(context, namespace, &repo.spec.url, repo.spec.credentials.as_ref()).await?;
    let refs = context.git.update(&remote).await?;
    Ok((remote, refs))
}

/// The repository as it is read: with the credentials of its Secret, where it names one.
pub async fn remote(
    context: &Context,
    namespace: &str,
    url: &str,
    credentials: Option<&Reference>,
) -> Result<Remote, GitError> {
    let mut remote = Remote::public(url)?;
    let refused = |reason: String| GitError::AuthenticationRefused { url: remote.url.clone(), reason };
    let Some(reference) = credentials else {
        let reason = "ssh needs `credentials`: a Secret with `identity` and `known_hosts`";
        return if remote.url.is_ssh() { Err(refused(reason.to_owned())) } else { Ok(remote) };
    };
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let secret =
        api.get(&reference.secret).await.map_err(|error| refused(unreadable(&reference.secret, &error)))?;
    let identity = format!("{namespace}/{}", reference.secret);
    let data = secret.data.unwrap_or_default();
    let read = Credentials::from_secret(&identity, &data, &remote.url)
        .map_err(|error| refused(error.to_string()))?;
    remote.credentials = Some(read);
    Ok(remote)
}

fn unreadable(secret: &str, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.is_not_found() => {
            format!(
                "there is no Secret {secret} in this namespace: make one with `username` and `password`, or `token`"
            )
        }
        kube::Error::Api(status) => format!("Secret {secret} could not be read: {}", status.message),
        other => format!("Secret {secret} could not be read: {other}"),
    }
}

/// Remembers how the repository was read; true when environments may see something new. What could be read before
/// stays known while it cannot be read.
fn remember(
    repo: &ServiceRepo,
    context: &Context,
    namespace: &str,
    service: &ServiceName,
    read: &Result<(Remote, Refs), GitError>,
) -> bool {
    let (read, failure) = match read {
        Ok(read) => (Some(read.clone()), None),
        Err(error) => {
            let before = context.repositories.get(namespace, service).and_then(|before| before.read);
            (before, Some(Unavailable { reason: error.reason(), message: error.to_string() }))
        }
    };
    let repository = Repository { trunk: repo.spec.trunk.clone(), read, failure };
    context.repositories.set(namespace, service, repository)
}

/// How long to wait for the next look, with a tenth of jitter.
pub fn interval(text: &str) -> Duration {
    // A duration that is none is refused by the schema.
    let whole = duration::parse(text).ok().and_then(|whole| Duration::try_from(whole).ok());
    let whole = whole.unwrap_or(Duration::from_mins(1)).max(Duration::from_secs(1));
    whole.mul_f64(0.9 + 0.2 * rand::random::<f64>())
}
