//! Who looks again when a `Fleet`, a `ServiceRepo` or a `ServiceBuild` came, changed or went.

use futures::channel::mpsc::UnboundedSender;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::runtime::reflector::{ObjectRef, Store};
use slipway_crds::v1alpha1::{BuildStep, DevEnvironment, Fleet, LockedService, ServiceBuild};

use crate::cache::{AskBuild, Trigger};

/// Asks for a reconcile of a Fleet.
pub type AskFleet = UnboundedSender<ObjectRef<Fleet>>;

/// Asks the environments of the namespace, and after a change of a Fleet the other Fleets there: one may be too many.
pub fn neighbours(
    environments: Store<DevEnvironment>,
    ask_environment: Trigger,
    fleets: Store<Fleet>,
    ask_fleet: AskFleet,
) -> impl Fn(&str, &DynamicObject) + Clone + Send + Sync + 'static {
    move |kind, object| {
        let Some(namespace) = object.namespace() else { return };
        if kind == "ServiceBuild" {
            who_waits(&environments, &ask_environment, &namespace, object);
        }
        // That a build has ended is told by whoever ended it.
        let goes = kind == "ServiceBuild" && object.metadata.deletion_timestamp.is_some();
        if kind == "ServiceRepo" || goes {
            who_tries(&fleets, &ask_fleet, &namespace);
        }
        if !matches!(kind, "Fleet" | "ServiceRepo") {
            return;
        }
        self::environments(&environments, &ask_environment, &namespace);
        let others = fleets.state_filter(|fleet| fleet.namespace().as_deref() == Some(&namespace));
        let others = others.iter().filter(|fleet| kind == "Fleet" && fleet.uid() != object.uid());
        for fleet in others {
            // An error means that the controller is shutting down.
            let _ = ask_fleet.unbounded_send(ObjectRef::from_obj(fleet.as_ref()));
        }
    }
}

/// Asks the builds of the namespace that are not over: their place in the queue, or what they are made of, may have changed.
pub fn builds(
    all: Store<ServiceBuild>,
    ask: AskBuild,
) -> impl Fn(&str, &DynamicObject) + Clone + Send + Sync + 'static {
    move |kind, object| {
        if !matches!(kind, "Fleet" | "ServiceRepo" | "ServiceBuild") {
            return;
        }
        let Some(namespace) = object.namespace() else { return };
        let waits = |build: &ServiceBuild| {
            let step = build.status.as_ref().map(|status| status.step).unwrap_or_default();
            build.namespace().as_deref() == Some(&namespace) && step <= BuildStep::Queued
        };
        for build in all.state_filter(waits) {
            // An error means that the controller is shutting down.
            let _ = ask.unbounded_send(ObjectRef::from_obj(build.as_ref()));
        }
    }
}

/// Asks the environments of a namespace that wait for the image of this build, or all after a new list.
fn who_waits(all: &Store<DevEnvironment>, ask: &Trigger, namespace: &str, build: &DynamicObject) {
    let service = build.data["spec"]["service"].as_str();
    let waits = |environment: &DevEnvironment| {
        let mut lock = environment.status.iter().flat_map(|status| &status.lock);
        let is_for = |locked: &LockedService| service.is_none_or(|service| service == locked.service);
        environment.namespace().as_deref() == Some(namespace)
            && lock.any(|locked| locked.image.is_none() && is_for(locked))
    };
    for environment in all.state_filter(waits) {
        let _ = ask.unbounded_send(ObjectRef::from_obj(environment.as_ref()));
    }
}

/// Asks the Fleets of the namespace that try a commit of their ops repository.
pub fn who_tries(fleets: &Store<Fleet>, ask: &AskFleet, namespace: &str) {
    let tries = |fleet: &Fleet| {
        let status = fleet.status.as_ref();
        fleet.namespace().as_deref() == Some(namespace)
            && status.is_some_and(|status| status.ops_candidate.is_some())
    };
    for fleet in fleets.state_filter(tries) {
        // An error means that the controller is shutting down.
        let _ = ask.unbounded_send(ObjectRef::from_obj(fleet.as_ref()));
    }
}

/// Asks every environment of a namespace.
pub fn environments(all: &Store<DevEnvironment>, ask: &Trigger, namespace: &str) {
    for environment in all.state_filter(|environment| environment.namespace().as_deref() == Some(namespace)) {
        // An error means that the controller is shutting down.
        let _ = ask.unbounded_send(ObjectRef::from_obj(environment.as_ref()));
    }
}
