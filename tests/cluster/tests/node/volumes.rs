//! Volumes made on claim.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::workload::{LIMIT, cluster_with_image, exec, pod, start};

#[tokio::test]
async fn a_claimed_volume_is_writable_by_its_group_and_wiped_on_release() {
    let (cluster, client) = cluster_with_image().await;
    let claims: Api<PersistentVolumeClaim> = Api::default_namespaced(client.clone());
    let claim = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    });
    claims.create(&PostParams::default(), &serde_json::from_value(claim).unwrap()).await.unwrap();
    let mut writer = pod("writer", &["sleep", "600"]);
    writer["spec"]["securityContext"] = json!({"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000});
    writer["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    writer["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    let pods = start(&client, writer).await;
    let printed =
        exec(&pods, "writer", &["sh", "-c", "echo kept > /data/file && busybox stat -c %g /data"]).await;
    assert_eq!(printed, "2000\n");

    let volumes: Api<PersistentVolume> = Api::all(client);
    let volume = volumes.list(&ListParams::default()).await.unwrap().items.remove(0);
    let folder = volume.spec.as_ref().unwrap().local.as_ref().unwrap().path.clone();
    assert_eq!(std::fs::read_to_string(format!("{folder}/file")).unwrap(), "kept\n");

    pods.delete("writer", &DeleteParams::default()).await.unwrap();
    claims.delete("data", &DeleteParams::default()).await.unwrap();
    let (name, uid) = (volume.name_any(), volume.uid().unwrap());
    let gone = await_condition(volumes, &name, is_deleted(&uid));
    tokio::time::timeout(LIMIT, gone).await.expect("the volume goes with its claim").unwrap();
    assert!(!std::path::Path::new(&folder).exists());
    cluster.stop().await.unwrap();
}
