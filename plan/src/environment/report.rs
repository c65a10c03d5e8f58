//! What is said of an environment that runs: which services are ready, and what the others wait for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use slipway_crds::conditions::{self, Say};
use slipway_crds::v1alpha1::{BlockedBy, DevEnvironmentStatus, FleetSpec, LockedService, StoreStatus};
use slipway_crds::{names, reasons};

use super::resolve::{FoundDigest, Resolved, ResolvedService};
use super::{blocked, lock, readiness};
use crate::desired::{Addresses, Identity, workload};
use crate::diff::{Plan, Step};
use crate::object::{ObjectKey, Observed};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Which environment.
    pub identity: &'a Identity,
    /// The Fleet.
    pub fleet: &'a FleetSpec,
    /// What should run.
    pub resolved: &'a Resolved,
    /// The addresses that are fixed so far.
    pub addresses: &'a Addresses,
    /// What is in the namespace, pods included.
    pub observed: &'a [Observed],
    /// What is still to be done.
    pub plan: &'a Plan,
}

/// Where a running environment stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The lock, with each service's readiness.
    pub lock: Vec<LockedService>,
    /// The stores of `local`.
    pub stores: Vec<StoreStatus>,
    /// What is waited for.
    pub blocked_by: Vec<BlockedBy>,
}

impl Standing {
    /// Whether everything that should run is ready.
    pub fn is_ready(&self) -> bool {
        self.blocked_by.is_empty()
    }
}

/// Where the environment stands.
pub fn standing(view: &View<'_>, before: &[BlockedBy], now: Timestamp) -> Standing {
    let mut lock = lock::of(view.resolved, view.addresses);
    let mut waits = Vec::new();
    if view.resolved.local {
        let ready = local_is_ready(view);
        mark(&mut lock, names::LOCAL, ready);
        waits.extend((!ready).then(|| blocked::local(&pods_of(view, names::LOCAL))));
    }
    for service in &view.resolved.services {
        let ready = is_ready(view, service);
        mark(&mut lock, service.name.as_str(), ready);
        waits.extend((!ready).then(|| blocked::service(service, &pods_of(view, service.name.as_str()))));
    }
    Standing { lock, stores: stores(view), blocked_by: blocked::since(before, waits, now) }
}

fn mark(lock: &mut [LockedService], service: &str, ready: bool) {
    for locked in lock.iter_mut().filter(|locked| locked.service == service) {
        locked.ready = ready;
    }
}

fn pods_of<'a>(view: &View<'a>, service: &str) -> Vec<&'a Observed> {
    let mine = |object: &&Observed| object.key.kind == "Pod" && object.label(names::SERVICE) == Some(service);
    view.observed.iter().filter(mine).collect()
}

/// Ready means: the image exists, nothing is left to do on its workloads, and their pods have arrived.
fn is_ready(view: &View<'_>, service: &ResolvedService) -> bool {
    let roles = service.manifest.resolved_roles();
    let keys: BTreeSet<ObjectKey> =
        roles.iter().map(|role| workload::key(view.identity, service, role)).collect();
    matches!(service.image, FoundDigest::Image(_)) && keys.iter().all(|key| has_arrived(view, key))
}

/// Ready means that each store says so as well: the count of the `StatefulSet` follows its pod some moments later.
fn local_is_ready(view: &View<'_>) -> bool {
    let key = ObjectKey {
        api_version: "apps/v1".to_owned(),
        kind: "StatefulSet".to_owned(),
        namespace: Some(view.identity.namespace.clone()),
        name: names::LOCAL.to_owned(),
    };
    has_arrived(view, &key) && stores(view).iter().all(|store| store.ready)
}

fn has_arrived(view: &View<'_>, key: &ObjectKey) -> bool {
    let pending = view.plan.steps.iter().any(|step| match step {
        Step::Create(object) | Step::Update { object, .. } => object.key == *key,
        Step::Delete { key: deleted, .. } => deleted == key,
    });
    let found = view.observed.iter().find(|object| object.key == *key);
    !pending && found.is_some_and(readiness::is_rolled_out)
}

fn stores(view: &View<'_>) -> Vec<StoreStatus> {
    if !view.resolved.local {
        return Vec::new();
    }
    let pods = pods_of(view, names::LOCAL);
    let ready = |name: &str| pods.iter().any(|pod| readiness::is_container_ready(pod, name));
    let one = |name: &String| StoreStatus { name: name.clone(), ready: ready(name) };
    view.fleet.stores.iter().map(|store| one(&store.name)).collect()
}

/// Ready services of all, for the printer column: the service under test counts only where it runs.
pub fn count(resolved: &Resolved, lock: &[LockedService]) -> String {
    let runs = |locked: &&LockedService| {
        locked.service == names::LOCAL
            || resolved.services.iter().any(|service| service.name.as_str() == locked.service)
    };
    let running: Vec<_> = lock.iter().filter(runs).collect();
    format!("{}/{}", running.iter().filter(|locked| locked.ready).count(), running.len())
}

/// The conditions of an environment that runs.
pub fn conditions(standing: &Standing, plan: &Plan) -> Vec<Say> {
    let mut says = Vec::new();
    let waiting = standing.blocked_by.first().map(|wait| format!("{}: {}", wait.what, wait.message));
    match (&waiting, plan.conflicts.first()) {
        (_, Some(conflict)) => {
            let message = conflict.to_string();
            says.push(Say::no(conditions::READY, reasons::CONFLICT, message.clone()));
            says.push(Say::yes(conditions::STALLED, reasons::CONFLICT, message.clone()));
            says.push(Say::yes(conditions::CONFLICT, reasons::CONFLICT, message));
        }
        (Some(message), None) => {
            says.push(Say::no(conditions::READY, reasons::PROGRESSING, message.clone()));
            says.push(Say::yes(conditions::RECONCILING, reasons::PROGRESSING, message.clone()));
        }
        (None, None) => says.push(Say::yes(conditions::READY, reasons::READY, "every service is ready")),
    }
    says
}

/// The status of an environment that runs.
pub fn status(
    before: &DevEnvironmentStatus,
    view: &View<'_>,
    generation: i64,
    now: Timestamp,
) -> DevEnvironmentStatus {
    let standing = standing(view, &before.blocked_by, now);
    let says = conditions(&standing, view.plan);
    DevEnvironmentStatus {
        observed_generation: Some(generation),
        conditions: conditions::set(&before.conditions, says, generation, now),
        services: Some(count(view.resolved, &standing.lock)),
        blocked_by: standing.blocked_by,
        lock: standing.lock,
        stores: standing.stores,
        ..before.clone()
    }
}
