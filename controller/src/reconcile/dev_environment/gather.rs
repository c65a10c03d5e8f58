//! Gathers what the decision about an environment depends on.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, FleetSpec, LockedService};
use slipway_plan::addresses::Block;
use slipway_plan::build::stale::{self, Fresh};
use slipway_plan::desired::Identity;
use slipway_plan::diff::Step;
use slipway_plan::duration;
use slipway_plan::environment::decide::{
    self, Act, AddressesExhausted, Decision, Facts, FleetProblem, Refusal,
};
use slipway_plan::environment::namespace;
use slipway_plan::environment::resolve::{Problem, Resolved};
use slipway_plan::environment::starts::Told;
use slipway_plan::object::{Object, Observed, RenderError};
use slipway_plan::pull_secret::{PullSecret, PullSecretProblem};

use super::knowledge;
use crate::context::Context;
use crate::error::Error;
use crate::plans::Supposed;

/// All that the decision about an environment depends on.
pub struct Gathered {
    /// Its names.
    pub identity: Identity,
    fleet: Result<FleetSpec, FleetProblem>,
    resolution: Option<Result<Resolved, Problem>>,
    observed: Vec<Observed>,
    block: Result<Option<Block>, AddressesExhausted>,
    pull_secret: Option<Result<Arc<PullSecret>, PullSecretProblem>>,
    refused: Option<Refusal>,
    starts: Told,
}

impl Gathered {
    /// What the environment runs, where that is known.
    pub fn resolved(&self) -> Option<&Resolved> {
        self.resolution.as_ref()?.as_ref().ok()
    }

    /// The services whose containers took too long at their start for what their image lacks.
    pub fn stale(&self, lock: &[LockedService]) -> Vec<Fresh> {
        let budget = self.fleet.as_ref().ok().and_then(|fleet| duration::parse(&fleet.builds.staleness).ok());
        budget.map(|budget| stale::fresh(lock, budget)).unwrap_or_default()
    }

    /// As the decision wants it.
    pub fn facts<'a>(&'a self, context: &'a Context, environment: &'a DevEnvironment) -> Facts<'a> {
        Facts {
            environment,
            identity: &self.identity,
            fleet: self.fleet.as_ref().map_err(|problem| *problem),
            resolution: self.resolution.as_ref(),
            observed: &self.observed,
            block: self.block,
            pull_secret: self.pull_secret.as_ref().map(|found| found.as_deref()),
            agent: &context.agent,
            refused: self.refused.as_ref(),
            starts: &self.starts,
        }
    }
}

impl Gathered {
    /// What would be decided if the environment's namespace were there already: `plan` shows what comes after it, too.
    pub fn foresee(
        mut self,
        context: &Context,
        environment: &DevEnvironment,
        now: Timestamp,
    ) -> Result<Decision, RenderError> {
        let missing = !self.observed.iter().any(|object| object.key.kind == "Namespace");
        let mut first = decide::decide(&self.facts(context, environment), now)?;
        let Act::Apply(plan) = &mut first.act else { return Ok(first) };
        let Some(Step::Create(namespace)) = plan.steps.first().filter(|_| missing) else { return Ok(first) };
        let step = Step::Create(namespace.clone());
        self.observed.push(foreseen(namespace));
        let mut then = decide::decide(&self.facts(context, environment), now)?;
        if let Act::Apply(plan) = &mut then.act {
            plan.steps.insert(0, step);
        }
        Ok(then)
    }
}

fn foreseen(object: &Object) -> Observed {
    let mut body = object.body.clone();
    body["metadata"]["managedFields"] = serde_json::json!([{"manager": names::ENVIRONMENT_MANAGER}]);
    Observed { key: object.key.clone(), body }
}

/// Gathers, with what is supposed in the place of what is there; None while the cache is older than what we wrote.
pub async fn gather(
    context: &Context,
    environment: &DevEnvironment,
    supposed: Option<&Supposed>,
    now: Timestamp,
) -> Result<Option<Gathered>, Error> {
    let identity = identity(environment)?;
    let Some(mut observed) = context.cache.of_environment(&identity.fleet_namespace, &identity.name) else {
        return Ok(None);
    };
    let fleet = supposed.and_then(|supposed| supposed.fleet.clone());
    let fleet = fleet.map_or_else(|| only_fleet(context, &identity.fleet_namespace), Ok);
    let active = decide::is_active(environment, now);
    let (mut pull_secret, mut resolution) = (None, None);
    if let Some(fleet) = fleet.as_ref().ok().filter(|_| active) {
        pull_secret = context.pull_secrets.of_fleet(&identity.fleet_namespace, fleet).await?;
        observed.extend(context.pull_secrets.copy_in(&identity.namespace, fleet, &observed).await?);
        let login = pull_secret.as_ref().and_then(|found| found.as_deref().ok());
        let place = knowledge::Place { context, namespace: &identity.fleet_namespace, login, supposed };
        resolution = knowledge::resolve(&place, environment, fleet).await;
    }
    let range = fleet.as_ref().ok().and_then(|fleet| fleet.addresses.as_ref()).filter(|_| active);
    let blocks = supposed.map_or(&context.blocks, |supposed| &supposed.blocks);
    let block = blocks.of(environment, range, &context.stores.environments.state());
    let refused = context.refused.get(&identity.uid);
    let starts = context.starts.get(&identity.uid);
    Ok(Some(Gathered { identity, fleet, resolution, observed, block, pull_secret, refused, starts }))
}

/// The names of an environment.
pub fn identity(environment: &DevEnvironment) -> Result<Identity, Error> {
    let name = environment.name_any();
    let fleet_namespace =
        environment.namespace().ok_or_else(|| Error::NoNamespace(format!("DevEnvironment {name}")))?;
    Ok(Identity {
        namespace: namespace::name(&fleet_namespace, &name),
        uid: environment.metadata.uid.clone().unwrap_or_default(),
        fleet_namespace,
        name,
    })
}

fn only_fleet(context: &Context, namespace: &str) -> Result<FleetSpec, FleetProblem> {
    let fleets = context.stores.fleets.state_filter(|fleet| fleet.namespace().as_deref() == Some(namespace));
    match fleets.as_slice() {
        [] => Err(FleetProblem::Missing),
        [fleet] => Ok(fleet.spec.clone()),
        _ => Err(FleetProblem::Ambiguous),
    }
}
