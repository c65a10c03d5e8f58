//! What a claim calls for and when a volume has had its time: decided from the objects alone.

use std::path::Path;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde_json::json;

use crate::settings::NODE_NAME;

/// The default class of volumes.
pub const CLASS: &str = "standard";
/// Who makes the volumes of the class.
pub(crate) const PROVISIONER: &str = "slipway.dev/local";

/// The volume that an unbound claim of our class calls for, with its folder below `root`. Its name follows from the
/// claim's identity, so that asking twice makes one.
pub(super) fn volume_for(claim: &PersistentVolumeClaim, root: &Path) -> Option<PersistentVolume> {
    let spec = claim.spec.as_ref()?;
    let ours = spec.storage_class_name.as_deref() == Some(CLASS);
    let block = spec.volume_mode.as_deref() == Some("Block");
    if !ours || block || spec.volume_name.is_some() || claim.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let (namespace, name) = (claim.metadata.namespace.as_ref()?, claim.metadata.name.as_ref()?);
    let uid = claim.metadata.uid.as_ref()?;
    let size = spec.resources.as_ref()?.requests.as_ref()?.get("storage")?;
    let volume = format!("pvc-{uid}");
    serde_json::from_value(json!({
        "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": spec.access_modes,
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "local": {"path": root.join(&volume)},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": namespace, "name": name, "uid": uid,
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]},
            ]}]}},
        },
    }))
    .ok()
}

/// Whether the claim of one of our volumes is gone, so that the volume is to go as well.
pub(super) fn is_released(volume: &PersistentVolume) -> bool {
    let annotations = volume.metadata.annotations.as_ref();
    let provisioner = annotations.and_then(|found| found.get("pv.kubernetes.io/provisioned-by"));
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    provisioner.is_some_and(|name| name == PROVISIONER) && matches!(phase, Some("Released" | "Failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(spec: &serde_json::Value) -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {"namespace": "default", "name": "data", "uid": "7c1e"},
            "spec": spec,
        }))
        .unwrap()
    }

    fn of_class(class: &str) -> serde_json::Value {
        json!({
            "storageClassName": class,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        })
    }

    #[test]
    fn an_unbound_claim_gets_a_volume_named_after_its_identity() {
        let volume = volume_for(&claim(&of_class(CLASS)), Path::new("/volumes")).unwrap();
        assert_eq!(volume.metadata.name.as_deref(), Some("pvc-7c1e"));
        let spec = volume.spec.unwrap();
        assert_eq!(spec.local.unwrap().path, "/volumes/pvc-7c1e");
        assert_eq!(spec.claim_ref.unwrap().uid.as_deref(), Some("7c1e"));
        assert_eq!(spec.capacity.unwrap()["storage"].0, "1Gi");
    }

    #[test]
    fn a_bound_claim_or_one_of_another_class_gets_none() {
        assert!(volume_for(&claim(&of_class("fast")), Path::new("/volumes")).is_none());
        let mut bound = of_class(CLASS);
        bound["volumeName"] = json!("pvc-7c1e");
        assert!(volume_for(&claim(&bound), Path::new("/volumes")).is_none());
    }

    #[test]
    fn only_a_released_volume_of_ours_is_wiped() {
        let mut volume = volume_for(&claim(&of_class(CLASS)), Path::new("/volumes")).unwrap();
        assert!(!is_released(&volume));
        volume.status = serde_json::from_value(json!({"phase": "Released"})).unwrap();
        assert!(is_released(&volume));
        volume.metadata.annotations = None;
        assert!(!is_released(&volume));
    }
}
