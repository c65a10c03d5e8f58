//! Finds out what the resolution of an environment needs: commits, manifests, digests.

use std::collections::BTreeSet;

use futures::future::join_all;
use kube::ResourceExt as _;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildInputs, DevEnvironment, FleetSpec, ServiceRepo};
use slipway_plan::commit::CommitId;
use slipway_plan::environment::resolve::{
    self, FoundCommit, FoundDigest, Knowledge, Need, Problem, Resolution, Resolved, Unavailable, short,
};
use slipway_plan::manifest::{self, Manifest, ManifestError};
use slipway_plan::pull_secret::PullSecret;
use slipway_plan::service_name::ServiceName;
use slipway_plan::yaml::YamlError;

use crate::context::Context;
use crate::git::{self, Git, GitError, ReferenceKind, Remote};
use crate::plans::Supposed;
use crate::reconcile::service_build::{Ground, built};
use crate::repositories::Repository;

/// Rounds of finding out: the depth of a chain of dependencies is bounded by it.
const ROUNDS: usize = 200;

/// Where it is looked for.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The operator's means.
    pub context: &'a Context,
    /// Namespace of the fleet.
    pub namespace: &'a str,
    /// For the registry.
    pub login: Option<&'a PullSecret>,
    /// What is taken for true in the place of what is there.
    pub supposed: Option<&'a Supposed>,
}

impl Place<'_> {
    fn repository(&self, service: &ServiceName) -> Option<Repository> {
        let supposed = self.supposed.and_then(|supposed| supposed.repositories.get(service).cloned());
        supposed.or_else(|| self.context.repositories.get(self.namespace, service))
    }

    fn services(&self) -> BTreeSet<ServiceName> {
        let is_here = |repo: &ServiceRepo| repo.namespace().as_deref() == Some(self.namespace);
        let repos = self.context.stores.repos.state_filter(is_here);
        let there = repos.iter().filter_map(|repo| ServiceName::parse(&repo.name_any()).ok());
        let supposed = self.supposed.iter().flat_map(|supposed| supposed.repositories.keys().cloned());
        there.chain(supposed).collect()
    }
}

/// What the environment runs; None while a repository that is needed was not read yet.
pub async fn resolve(
    place: &Place<'_>,
    environment: &DevEnvironment,
    fleet: &FleetSpec,
) -> Option<Result<Resolved, Problem>> {
    let mut known = Knowledge { services: place.services(), ..Knowledge::default() };
    let locked = environment.status.as_ref().map(|status| status.lock.clone()).unwrap_or_default();
    for _ in 0..ROUNDS {
        match resolve::resolve(&environment.spec, fleet, &locked, &known) {
            Err(problem) => return Some(Err(problem)),
            Ok(Resolution::Resolved(resolved)) => return Some(Ok(resolved)),
            Ok(Resolution::Needs(needs)) => {
                find_out(place, fleet, needs, &mut known).await?;
            }
        }
    }
    None
}

#[allow(clippy::large_enum_variant, reason = "answers are few and short-lived")]
enum Answer {
    Commit(Result<FoundCommit, Unavailable>),
    Manifest(Result<Manifest, ManifestError>),
    Digest(FoundDigest),
    Inputs(Result<BuildInputs, Unavailable>),
    Build(FoundDigest),
}

async fn find_out(
    place: &Place<'_>,
    fleet: &FleetSpec,
    needs: BTreeSet<Need>,
    known: &mut Knowledge,
) -> Option<()> {
    let answers = join_all(needs.iter().map(|need| answer(place, fleet, need))).await;
    for (need, answer) in needs.into_iter().zip(answers) {
        match (need, answer?) {
            (Need::Commit { service, reference }, Answer::Commit(found)) => {
                known.commits.insert((service, reference), found);
            }
            (Need::Manifest { service, commit }, Answer::Manifest(found)) => {
                known.manifests.insert((service, commit), found);
            }
            (Need::Digest { image }, Answer::Digest(found)) => {
                known.digests.insert(image, found);
            }
            (Need::Inputs { service, commit, ops }, Answer::Inputs(found)) => {
                known.inputs.insert((service, commit, ops), found);
            }
            (Need::Build { name, .. }, Answer::Build(found)) => {
                known.builds.insert(name, found);
            }
            _ => return None,
        }
    }
    Some(())
}

/// The answer to a need; None while the repository was not tried to be read yet.
async fn answer(place: &Place<'_>, fleet: &FleetSpec, need: &Need) -> Option<Answer> {
    let context = place.context;
    Some(match need {
        Need::Commit { service, reference } => {
            let repository = place.repository(service)?;
            Answer::Commit(commit(context, &repository, reference.as_deref()).await)
        }
        Need::Manifest { service, commit } => {
            let (remote, _) = place.repository(service)?.read?;
            Answer::Manifest(manifest(context, &remote, service, commit).await)
        }
        Need::Digest { image } => Answer::Digest(context.registry.digest(image, place.login).await),
        Need::Inputs { commit, ops, .. } => {
            let ground = Ground { context, namespace: place.namespace, fleet, login: place.login };
            Answer::Inputs(ground.inputs(commit, ops.as_deref()).await)
        }
        Need::Build { name, .. } => Answer::Build(built(context, place.namespace, name)),
    })
}

/// Which commit a branch, tag or commit of a repository is; none is its trunk.
pub async fn commit(
    context: &Context,
    repository: &Repository,
    reference: Option<&str>,
) -> Result<FoundCommit, Unavailable> {
    let wanted = reference.unwrap_or(&repository.trunk);
    let Some((remote, _)) = &repository.read else {
        return Err(repository.failure.clone().unwrap_or_else(unread));
    };
    match find_commit(&context.git, remote, wanted).await {
        Ok(found) => {
            let what = match (reference, found.kind) {
                (None, _) => "trunk",
                (_, ReferenceKind::Branch) => "branch",
                (_, ReferenceKind::Tag) => "tag",
                (_, ReferenceKind::Commit) => "commit",
            };
            Ok(FoundCommit { commit: found.commit.to_string(), why: format!("{what} {wanted}") })
        }
        Err(error) => Err(unavailable(&error, repository)),
    }
}

/// From the mirror; what it has not may have been pushed since, so the server is asked before it is said to be missing.
async fn find_commit(git: &Git, remote: &Remote, wanted: &str) -> Result<git::Resolved, GitError> {
    match git.resolve(remote, wanted).await {
        Err(GitError::ReferenceNotFound { .. }) => {
            git.update(remote).await?;
            git.resolve(remote, wanted).await
        }
        found => found,
    }
}

fn unread() -> Unavailable {
    Unavailable { reason: reasons::FETCH_FAILED, message: "its repository was not read yet".to_owned() }
}

fn unavailable(error: &GitError, repository: &Repository) -> Unavailable {
    match &repository.failure {
        // While the server cannot be read, what is missing may be there.
        Some(failure) => {
            let message = format!("{error} (the last reading failed: {})", failure.message);
            Unavailable { reason: reasons::FETCH_FAILED, message }
        }
        None => Unavailable { reason: error.reason(), message: error.to_string() },
    }
}

/// What a service says of itself at a commit.
pub async fn manifest(
    context: &Context,
    remote: &Remote,
    service: &ServiceName,
    commit: &str,
) -> Result<Manifest, ManifestError> {
    let failed = |error: String| ManifestError::Yaml(YamlError::of_file(manifest::FILE, error));
    let id: CommitId = commit.parse().map_err(|_| failed(format!("`{}` is no commit", short(commit))))?;
    match context.git.read_file(remote, &id, manifest::FILE).await {
        Ok(Some(bytes)) => manifest::parse(service, &bytes),
        Ok(None) => Err(ManifestError::Missing),
        Err(error) => Err(failed(error.to_string())),
    }
}
