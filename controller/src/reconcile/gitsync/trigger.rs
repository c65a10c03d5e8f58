//! Which `GitSync`s look again when one of Slipway's objects came, changed or went.

use futures::channel::mpsc::UnboundedSender;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::runtime::reflector::{ObjectRef, Store};
use slipway_crds::v1alpha1::GitSync;
use slipway_crds::{conditions, names};

/// Asks those that made the object, and those that are in conflict and may no longer be.
pub fn trigger(
    syncs: Store<GitSync>,
    ask: UnboundedSender<ObjectRef<GitSync>>,
) -> impl Fn(&DynamicObject) + Clone + Send + Sync + 'static {
    move |object| {
        for sync in syncs.state() {
            if is_concerned(&sync, object) {
                // An error means that the controller is shutting down.
                let _ = ask.unbounded_send(ObjectRef::from_obj(sync.as_ref()));
            }
        }
    }
}

/// By the record as well as by the label: somebody may have removed the label.
fn is_concerned(sync: &GitSync, object: &DynamicObject) -> bool {
    if sync.namespace() != object.namespace() {
        return false;
    }
    let labelled = object.labels().get(names::GITSYNC) == Some(&sync.name_any());
    let Some(status) = &sync.status else { return labelled };
    let recorded = || status.inventory.iter().any(|entry| Some(&entry.uid) == object.metadata.uid.as_ref());
    labelled || recorded() || conditions::is_true(&status.conditions, conditions::CONFLICT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(namespace: &str, uid: &str, labels: &serde_json::Value) -> DynamicObject {
        let metadata = json!({"name": "a", "namespace": namespace, "uid": uid, "labels": labels});
        serde_json::from_value(
            json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "metadata": metadata}),
        )
        .unwrap()
    }

    fn sync(conflict: bool) -> GitSync {
        let conditions = if conflict {
            json!([{"type": "Conflict", "status": "True", "reason": "Conflict", "message": "", "lastTransitionTime": "2027-01-15T08:00:00Z"}])
        } else {
            json!([])
        };
        serde_json::from_value(json!({
            "metadata": {"name": "fleet", "namespace": "platform"},
            "spec": {"url": "http://git/fleet.git"},
            "status": {
                "conditions": conditions,
                "inventory": [{"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet", "name": "a", "uid": "u"}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn those_that_made_it_are_asked_also_when_its_label_was_removed() {
        let label = json!({"slipway.dev/gitsync": "fleet"});
        assert!(is_concerned(&sync(false), &object("platform", "new", &label)));
        assert!(is_concerned(&sync(false), &object("platform", "u", &json!({}))));
        assert!(!is_concerned(&sync(false), &object("platform", "other", &json!({}))));
        assert!(!is_concerned(&sync(false), &object("elsewhere", "u", &label)));
    }

    #[test]
    fn those_in_conflict_are_asked_about_everything_in_their_namespace() {
        assert!(is_concerned(&sync(true), &object("platform", "other", &json!({}))));
    }
}
