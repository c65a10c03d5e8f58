//! From a spec to commits and images: what runs, or what has to be known first.

mod built;
mod knowledge;

use std::collections::{BTreeMap, BTreeSet};

use slipway_crds::v1alpha1::{BuildInputs, DevEnvironmentSpec, FleetSpec, LockedService, Update};

use crate::graph::{self, Cycle};
use crate::manifest::{Manifest, ManifestError};
use crate::service_name::{NotAServiceName, ServiceName};
use built::Built;

pub use knowledge::{FoundCommit, FoundDigest, Knowledge, Need, Unavailable};

/// A service at its commit, with all that is needed to run it.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedService {
    /// The service.
    pub name: ServiceName,
    /// The branch, tag or commit it was asked to run; none is the trunk.
    pub reference: Option<String>,
    /// Its commit.
    pub commit: String,
    /// Why that commit.
    pub why: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The image by tag.
    pub tag: String,
    /// The image by digest, or what is in the way.
    pub image: FoundDigest,
    /// What its image is built of; none when it names its image, or while that is not known.
    pub inputs: Option<BuildInputs>,
    /// Whether the image is that of an older ops commit, which runs until the right one is built.
    pub stands_in: bool,
}

/// What an environment runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// Whether the stateful pod runs.
    pub local: bool,
    /// The services, each after those it depends on.
    pub services: Vec<ResolvedService>,
    /// The service under test; it may also be among `services`.
    pub under_test: Option<ResolvedService>,
}

/// A spec that cannot be resolved: a person has to change something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The profile is not in the Fleet.
    #[error("the Fleet has no profile `{0}`: add it there, or name one of its profiles")]
    UnknownProfile(String),
    /// A service has no `ServiceRepo`.
    #[error(
        "there is no ServiceRepo `{service}` in this namespace ({wanted_by}): add one, or correct the name"
    )]
    UnknownService {
        /// The service.
        service: String,
        /// Who asked for it.
        wanted_by: String,
    },
    /// A text that is no name.
    #[error(transparent)]
    Name(#[from] NotAServiceName),
    /// A circle.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// A manifest that cannot be used.
    #[error("manifest of {service} at {}: {error}", short(.commit))]
    Manifest {
        /// The service.
        service: ServiceName,
        /// The commit.
        commit: String,
        /// What is wrong, and where.
        error: ManifestError,
    },
    /// The service under test has no integration block.
    #[error("{service} at {} declares no integration tests: add an `integration:` block to its manifest.yaml", short(.commit))]
    NoIntegration {
        /// The service.
        service: ServiceName,
        /// The commit.
        commit: String,
    },
    /// A branch is set for a service that does not run here.
    #[error(
        "`branches` names {0}, which does not run in this environment: add it to `services`, or remove it"
    )]
    UnusedBranch(String),
    /// The stateful pod is needed and would be empty.
    #[error("a service depends on `local`, but the Fleet has no stores: add one, or remove the dependency")]
    NoStores,
    /// A machine label is not in the Fleet.
    #[error("the Fleet has no machine `{0}`: add it there, or name one of its machines")]
    UnknownMachine(String),
    /// A commit could not be found out.
    #[error("{service}: {}", .unavailable.message)]
    Commit {
        /// The service.
        service: ServiceName,
        /// Why.
        unavailable: Unavailable,
    },
}

/// The first twelve digits of a commit.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// Where the resolution stands.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one of it at a time")]
pub enum Resolution {
    /// These have to be found out first.
    Needs(BTreeSet<Need>),
    /// All is known.
    Resolved(Resolved),
}

/// What the environment runs, given what is known and what was locked before.
pub fn resolve(
    spec: &DevEnvironmentSpec,
    fleet: &FleetSpec,
    locked: &[LockedService],
    knowledge: &Knowledge,
) -> Result<Resolution, Problem> {
    let mut walk =
        Walk { spec, fleet, locked, knowledge, needs: BTreeSet::new(), found: BTreeMap::new(), local: false };
    let under_test = match &spec.integration {
        Some(run) => walk.integration(&ServiceName::parse(&run.service)?, &run.commit)?,
        None => walk.chosen()?,
    };
    if !walk.needs.is_empty() {
        return Ok(Resolution::Needs(walk.needs));
    }
    if walk.local && fleet.stores.is_empty() {
        return Err(Problem::NoStores);
    }
    walk.unused_branch()?;
    let services = walk.in_order(under_test.is_some())?;
    Ok(Resolution::Resolved(Resolved { local: walk.local, services, under_test }))
}

struct Walk<'a> {
    spec: &'a DevEnvironmentSpec,
    fleet: &'a FleetSpec,
    locked: &'a [LockedService],
    knowledge: &'a Knowledge,
    needs: BTreeSet<Need>,
    found: BTreeMap<ServiceName, ResolvedService>,
    local: bool,
}

impl Walk<'_> {
    fn chosen(&mut self) -> Result<Option<ResolvedService>, Problem> {
        let mut left: Vec<(ServiceName, String)> = Vec::new();
        if let Some(name) = &self.spec.profile {
            let profile = self.fleet.profiles.iter().find(|profile| profile.name == *name);
            let profile = profile.ok_or_else(|| Problem::UnknownProfile(name.clone()))?;
            for service in &profile.services {
                left.push((ServiceName::parse(service)?, format!("profile {name}")));
            }
        }
        for service in &self.spec.services {
            left.push((ServiceName::parse(service)?, "spec.services".to_owned()));
        }
        while let Some((service, wanted_by)) = left.pop() {
            let Some(resolved) = self.visit(&service, &wanted_by)? else { continue };
            let by = format!("{service} depends on it");
            left.extend(
                resolved.manifest.dependencies.iter().map(|dependency| (dependency.clone(), by.clone())),
            );
        }
        Ok(None)
    }

    /// Exactly the declared dependencies of the service under test, and no more.
    fn integration(
        &mut self,
        service: &ServiceName,
        commit: &str,
    ) -> Result<Option<ResolvedService>, Problem> {
        self.known(service, "spec.integration")?;
        let Some(under_test) = self.at(service, Some(commit))? else { return Ok(None) };
        let Some(integration) = under_test.manifest.integration.clone() else {
            return Err(Problem::NoIntegration { service: service.clone(), commit: under_test.commit });
        };
        let by = format!("integration tests of {service} depend on it");
        for dependency in &integration.dependencies {
            if dependency == service {
                self.found.insert(service.clone(), under_test.clone());
            } else {
                self.visit(dependency, &by)?;
            }
        }
        Ok(Some(under_test))
    }

    /// The service at its commit, unless it was visited before or something has to be found out first.
    fn visit(&mut self, service: &ServiceName, wanted_by: &str) -> Result<Option<ResolvedService>, Problem> {
        if service.is_local() {
            self.local = true;
            return Ok(None);
        }
        if self.found.contains_key(service) {
            return Ok(None);
        }
        self.known(service, wanted_by)?;
        let reference = self.spec.branches.get(service.as_str()).cloned();
        let resolved = self.at(service, reference.as_deref())?;
        if let Some(resolved) = &resolved {
            self.found.insert(service.clone(), resolved.clone());
        }
        Ok(resolved)
    }

    fn known(&self, service: &ServiceName, wanted_by: &str) -> Result<(), Problem> {
        if self.knowledge.services.contains(service) {
            return Ok(());
        }
        Err(Problem::UnknownService { service: service.to_string(), wanted_by: wanted_by.to_owned() })
    }

    fn at(
        &mut self,
        service: &ServiceName,
        reference: Option<&str>,
    ) -> Result<Option<ResolvedService>, Problem> {
        let Some(found) = self.commit(service, reference)? else { return Ok(None) };
        let key = (service.clone(), found.commit.clone());
        let manifest = match self.knowledge.manifests.get(&key) {
            None => {
                self.needs.insert(Need::Manifest { service: key.0, commit: key.1 });
                return Ok(None);
            }
            Some(Err(error)) => {
                return Err(Problem::Manifest { service: key.0, commit: key.1, error: error.clone() });
            }
            Some(Ok(manifest)) => manifest.clone(),
        };
        let built = match manifest.image_at(&self.fleet.registry, &found.commit) {
            Some(tag) => self.image(service, &found.commit, &tag).map(|image| Built::named(tag, image)),
            None => self.built(service, &found.commit),
        };
        let Some(Built { tag, image, inputs, stands_in }) = built else { return Ok(None) };
        let reference = reference.map(str::to_owned);
        let (name, FoundCommit { commit, why }) = (service.clone(), found);
        Ok(Some(ResolvedService { name, reference, commit, why, manifest, tag, image, inputs, stands_in }))
    }

    fn commit(
        &mut self,
        service: &ServiceName,
        reference: Option<&str>,
    ) -> Result<Option<FoundCommit>, Problem> {
        if let Some(held) = self.held(service, reference) {
            return Ok(Some(held));
        }
        let key = (service.clone(), reference.map(str::to_owned));
        match self.knowledge.commits.get(&key) {
            None => {
                self.needs.insert(Need::Commit { service: key.0, reference: key.1 });
                Ok(None)
            }
            Some(Ok(found)) => Ok(Some(found.clone())),
            Some(Err(unavailable)) => {
                Err(Problem::Commit { service: service.clone(), unavailable: unavailable.clone() })
            }
        }
    }

    /// What was found first, where the environment holds it and is still asked for the same.
    fn held(&self, service: &ServiceName, reference: Option<&str>) -> Option<FoundCommit> {
        let holds = self.spec.integration.is_some() || self.spec.update == Some(Update::Hold);
        let locked = self.locked.iter().find(|locked| locked.service == service.as_str())?;
        let commit = locked.commit.clone()?;
        (holds && locked.reference.as_deref() == reference)
            .then(|| FoundCommit { commit, why: locked.why.clone() })
    }

    /// A digest that is recorded for the commit stays: an image changes only with a commit.
    fn image(&mut self, service: &ServiceName, commit: &str, tag: &str) -> Option<FoundDigest> {
        let locked = self.locked.iter().find(|locked| locked.service == service.as_str());
        let same = locked.filter(|locked| locked.commit.as_deref() == Some(commit));
        let pinned = same.and_then(|locked| locked.image.clone());
        if let Some(image) = pinned.filter(|image| image.split('@').next() == Some(repository(tag))) {
            return Some(FoundDigest::Image(image));
        }
        let found = self.knowledge.digests.get(tag).cloned();
        if found.is_none() {
            self.needs.insert(Need::Digest { image: tag.to_owned() });
        }
        found
    }

    fn unused_branch(&self) -> Result<(), Problem> {
        let unused = self.spec.branches.keys().find(|name| {
            let under_test = self.spec.integration.as_ref().is_some_and(|run| run.service == **name);
            !under_test && !self.found.keys().any(|found| found.as_str() == name.as_str())
        });
        unused.map_or(Ok(()), |name| Err(Problem::UnusedBranch(name.clone())))
    }

    /// In start order; services of an integration run may name each other, their list is what counts.
    fn in_order(&mut self, exact: bool) -> Result<Vec<ResolvedService>, Problem> {
        let edges = self.found.iter().map(|(name, service)| {
            let dependencies = if exact { Vec::new() } else { service.manifest.dependencies.clone() };
            (name.clone(), dependencies)
        });
        let order = graph::start_order(&edges.collect())?;
        Ok(order.iter().filter_map(|name| self.found.remove(name)).collect())
    }
}

/// An image without its tag.
pub fn repository(image: &str) -> &str {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}
