//! Writes a status, only when it changed, and only onto the object that it was computed from.

use std::fmt::Debug;

use kube::api::PostParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_crds::names;

use crate::error::Error;

/// Replaces the status of `object`, which carries the new one, when `changed`. The object's resource version is a
/// precondition: a status is never written from an old look. Gives the version that was written, if any was.
pub async fn status<K>(client: &Client, object: &K, changed: bool) -> Result<Option<u64>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug,
{
    if !changed {
        return Ok(None);
    }
    let name = object.name_any();
    let what = format!("{} {name}", K::kind(&()));
    let namespace = object.namespace().ok_or_else(|| Error::NoNamespace(what.clone()))?;
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let params =
        PostParams { field_manager: Some(names::STATUS_MANAGER.to_owned()), ..PostParams::default() };
    let written = api.replace_status(&name, &params, object).await;
    let written = written.map_err(|source| Error::Status { what, source })?;
    Ok(version(&written))
}

/// An object's resource version as a number, by which looks are compared.
pub fn version<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok())
}
