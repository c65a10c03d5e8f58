//! What every cluster holds before anybody uses it: its DNS, and a class of volumes.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::PostParams;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::network;
use crate::node::dns;
use crate::volumes;

pub(super) async fn create(client: &Client) -> Result<()> {
    let system = "kube-system";
    futures::try_join!(
        one::<Service>(Api::namespaced(client.clone(), system), dns_service()),
        one::<EndpointSlice>(Api::namespaced(client.clone(), system), dns_endpoints()),
        one::<ClusterRole>(Api::all(client.clone()), dns_role()),
        one::<ClusterRoleBinding>(Api::all(client.clone()), dns_binding()),
        one::<StorageClass>(Api::all(client.clone()), storage_class()),
    )?;
    Ok(())
}

async fn one<K>(api: Api<K>, object: Value) -> Result<()>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
{
    let object: K = serde_json::from_value(object).map_err(|failure| Error::Options {
        reason: format!("a built-in {} does not parse: {failure}", K::kind(&())),
    })?;
    let attempt = format!("create the {} {}", K::kind(&()), object.name_any());
    api.create(&PostParams::default(), &object).await.map(drop).map_err(Error::api(attempt))
}

fn dns_ports() -> Value {
    json!([
        {"name": "dns", "protocol": "UDP", "port": 53},
        {"name": "dns-tcp", "protocol": "TCP", "port": 53},
    ])
}

fn dns_service() -> Value {
    json!({
        "metadata": {"name": "kube-dns", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"clusterIP": network::DNS_SERVICE, "ports": dns_ports()},
    })
}

/// `CoreDNS` is not a pod: its endpoint is written by hand.
fn dns_endpoints() -> Value {
    json!({
        "metadata": {"name": "kube-dns", "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "ports": dns_ports(),
        "endpoints": [{"addresses": [network::NODE], "conditions": {"ready": true}}],
    })
}

fn dns_role() -> Value {
    json!({
        "metadata": {"name": dns::USER},
        "rules": [
            {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
    })
}

fn dns_binding() -> Value {
    json!({
        "metadata": {"name": dns::USER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": dns::USER},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": dns::USER}],
    })
}

fn storage_class() -> Value {
    json!({
        "metadata": {
            "name": volumes::CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": volumes::PROVISIONER,
        "reclaimPolicy": "Delete",
        // One node has no choice to wait for.
        "volumeBindingMode": "Immediate",
    })
}
