//! Finalizers: what has to be done before an object may go.

use std::fmt::Debug;

use kube::api::{Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;
use slipway_crds::names;

use crate::error::Error;

/// Adds a finalizer to the object as it was read.
pub async fn add<K>(client: &Client, object: &K, finalizer: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
{
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(finalizer.to_owned());
    set(client, object, &finalizers).await
}

/// Removes a finalizer from the object as it was read.
pub async fn remove<K>(client: &Client, object: &K, finalizer: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
{
    let left: Vec<String> = object.finalizers().iter().filter(|name| *name != finalizer).cloned().collect();
    set(client, object, &left).await
}

async fn set<K>(client: &Client, object: &K, finalizers: &[String]) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug,
{
    let what = format!("{} {}", K::kind(&()), object.name_any());
    let namespace = object.namespace().ok_or_else(|| Error::NoNamespace(what.clone()))?;
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let version = object.resource_version();
    let patch = json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}});
    let params =
        PatchParams { field_manager: Some(names::STATUS_MANAGER.to_owned()), ..PatchParams::default() };
    let patched = api.patch(&object.name_any(), &params, &Patch::Merge(patch)).await;
    patched.map(drop).map_err(|source| Error::Write { verb: "set the finalizers of", what, source })
}
