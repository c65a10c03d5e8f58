//! All that a look at an environment depends on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentStatus, FleetSpec, NamespaceRecord};

use super::decision::Refusal;
use super::resolve::{Problem, Resolved};
use super::starts::Told;
use crate::addresses::Block;
use crate::desired::Identity;
use crate::desired::integration::AgentSettings;
use crate::diff::Owner;
use crate::object::Observed;
use crate::pull_secret::{PullSecret, PullSecretProblem};

/// All that the next act depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The environment.
    pub environment: &'a DevEnvironment,
    /// Its names.
    pub identity: &'a Identity,
    /// The only Fleet of its namespace.
    pub fleet: Result<&'a FleetSpec, FleetProblem>,
    /// What it runs; an environment that ends has none.
    pub resolution: Option<&'a Result<Resolved, Problem>>,
    /// Its namespace, what is in it, and its results.
    pub observed: &'a [Observed],
    /// Its block of the Fleet's address range: none is needed, or none is left.
    pub block: Result<Option<Block>, AddressesExhausted>,
    /// The Fleet's pull Secret, where it names one.
    pub pull_secret: Option<Result<&'a PullSecret, &'a PullSecretProblem>>,
    /// How the agent is run.
    pub agent: &'a AgentSettings,
    /// What was refused when the last plan was carried out.
    pub refused: Option<&'a Refusal>,
    /// How containers came up, as they told since the operator was started.
    pub starts: &'a Told,
}

impl<'a> Facts<'a> {
    /// The generation of its spec.
    pub(super) fn generation(&self) -> i64 {
        generation(self.environment)
    }

    /// The status as it was before.
    pub(super) fn before(&self) -> DevEnvironmentStatus {
        before(self.environment)
    }

    /// The status of an environment that is alive, before its services are looked at.
    pub(super) fn base(&self, expires_at: Option<Timestamp>, now: Timestamp) -> DevEnvironmentStatus {
        let status = self.before();
        DevEnvironmentStatus {
            started_at: Some(started_at(self.environment, &status, now)),
            expires_at,
            ended: None,
            observed_generation: Some(self.generation()),
            last_handled_reconcile_at: self.environment.annotations().get(names::REQUESTED_AT).cloned(),
            ..status
        }
    }

    /// On whose behalf the environment's objects are made.
    pub fn owner(&self) -> Owner {
        let recorded = self.before().namespace.and_then(|record| record.uid);
        Owner {
            uid: self.identity.uid.clone(),
            manager: names::ENVIRONMENT_MANAGER.to_owned(),
            recorded: recorded.into_iter().collect::<BTreeSet<_>>(),
        }
    }

    /// The environment's namespace, if it is there.
    pub(super) fn namespace(&self) -> Option<&'a Observed> {
        let name = &self.identity.namespace;
        self.observed.iter().find(|object| object.key.kind == "Namespace" && object.key.name == *name)
    }

    /// The record of the namespace: its name from the start, its UID once it is known to be ours.
    pub(super) fn namespace_record(&self) -> NamespaceRecord {
        let owner = self.owner();
        let ours = self.namespace().filter(|found| owner.owns(found));
        NamespaceRecord {
            name: self.identity.namespace.clone(),
            uid: ours.map(|found| found.uid().to_owned()),
        }
    }
}

/// There is no Fleet, or more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetProblem {
    /// None.
    Missing,
    /// More than one.
    Ambiguous,
}

/// No free block is left in the Fleet's address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressesExhausted;

/// Since when the environment runs as it is declared now.
pub(super) fn started_at(
    environment: &DevEnvironment,
    status: &DevEnvironmentStatus,
    now: Timestamp,
) -> Timestamp {
    let same = status.observed_generation == Some(generation(environment));
    status.started_at.filter(|_| same).unwrap_or(now)
}

/// The generation of an object's spec.
pub fn generation(environment: &DevEnvironment) -> i64 {
    environment.metadata.generation.unwrap_or_default()
}

/// The status as it was before.
pub fn before(environment: &DevEnvironment) -> DevEnvironmentStatus {
    environment.status.clone().unwrap_or_default()
}
