//! What a build is made with: the Fleet, its logins, and names.

use std::sync::Arc;

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{FleetSpec, ServiceBuild};
use slipway_plan::desired::{Identity, build};
use slipway_plan::environment::resolve::Unavailable;
use slipway_plan::pull_secret::{PullSecret, PullSecretProblem};
use slipway_plan::service_name::ServiceName;

use crate::context::Context;
use crate::error::Error;
use crate::pull_secrets::Found;

/// Logins to pull with, and to push with.
type Logins = (Option<Arc<PullSecret>>, Option<Arc<PullSecret>>);

/// The only Fleet of the namespace.
pub fn fleet(context: &Context, namespace: &str) -> Result<FleetSpec, &'static str> {
    let fleets = context.stores.fleets.state_filter(|fleet| fleet.namespace().as_deref() == Some(namespace));
    match fleets.as_slice() {
        [fleet] => Ok(fleet.spec.clone()),
        [] => Err("there is no Fleet in this namespace: add one"),
        _ => Err("there is more than one Fleet in this namespace: keep one"),
    }
}

/// Whether the service has a `ServiceRepo`.
pub fn has_repo(context: &Context, namespace: &str, service: &ServiceName) -> bool {
    let found = context
        .stores
        .repos
        .find(|repo| repo.namespace().as_deref() == Some(namespace) && repo.name_any() == service.as_str());
    found.is_some()
}

/// The names of a build; the namespace of its pods is the recorded one.
pub fn identity(made: &ServiceBuild, namespace: &str, fleet: &FleetSpec) -> Identity {
    let recorded = made.status.as_ref().and_then(|status| status.namespace.clone());
    Identity {
        fleet_namespace: namespace.to_owned(),
        name: made.name_any(),
        uid: made.uid().unwrap_or_default(),
        namespace: recorded.unwrap_or_else(|| build::namespace(namespace, fleet)),
    }
}

/// The logins that the Fleet names, or what is wrong with one.
pub async fn logins(
    context: &Context,
    namespace: &str,
    fleet: &FleetSpec,
) -> Result<Result<Logins, Unavailable>, Error> {
    let pull = context.pull_secrets.of_fleet(namespace, fleet).await?;
    let push = context.pull_secrets.to_push(namespace, fleet).await?;
    Ok(both(pull, push))
}

fn both(pull: Option<Found>, push: Option<Found>) -> Result<Logins, Unavailable> {
    let usable = |found: Option<Found>| found.transpose().map_err(|problem| unusable(&problem));
    Ok((usable(pull)?, usable(push)?))
}

fn unusable(problem: &PullSecretProblem) -> Unavailable {
    Unavailable { reason: problem.reason(), message: problem.to_string() }
}
