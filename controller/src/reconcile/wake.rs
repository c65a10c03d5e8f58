//! Who looks again when a `Fleet` or a `ServiceRepo` came, changed or went.

use futures::channel::mpsc::UnboundedSender;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::runtime::reflector::{ObjectRef, Store};
use slipway_crds::v1alpha1::{DevEnvironment, Fleet};

use crate::cache::Trigger;

/// Asks the environments of the namespace, and after a change of a Fleet the other Fleets there: one may be too many.
pub fn neighbours(
    environments: Store<DevEnvironment>,
    ask_environment: Trigger,
    fleets: Store<Fleet>,
    ask_fleet: UnboundedSender<ObjectRef<Fleet>>,
) -> impl Fn(&str, &DynamicObject) + Clone + Send + Sync + 'static {
    move |kind, object| {
        if !matches!(kind, "Fleet" | "ServiceRepo") {
            return;
        }
        let Some(namespace) = object.namespace() else { return };
        self::environments(&environments, &ask_environment, &namespace);
        let others = fleets.state_filter(|fleet| fleet.namespace().as_deref() == Some(&namespace));
        let others = others.iter().filter(|fleet| kind == "Fleet" && fleet.uid() != object.uid());
        for fleet in others {
            // An error means that the controller is shutting down.
            let _ = ask_fleet.unbounded_send(ObjectRef::from_obj(fleet.as_ref()));
        }
    }
}

/// Asks every environment of a namespace.
pub fn environments(all: &Store<DevEnvironment>, ask: &Trigger, namespace: &str) {
    for environment in all.state_filter(|environment| environment.namespace().as_deref() == Some(namespace)) {
        // An error means that the controller is shutting down.
        let _ = ask.unbounded_send(ObjectRef::from_obj(environment.as_ref()));
    }
}
