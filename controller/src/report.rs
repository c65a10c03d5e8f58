//! Writes a status, only when it changed, and only onto the object that it was computed from.

use std::fmt::Debug;

use kube::api::PostParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_crds::names;

use crate::error::Error;

/// Whether a status was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It said so already.
    Unchanged,
    /// It was written.
    Written,
}

/// Replaces the status of `object`, which carries the new one, when `changed`. The object's resource version is a
/// precondition: a status is never written from an old look.
pub async fn status<K>(client: &Client, object: &K, changed: bool) -> Result<Reported, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug,
{
    if !changed {
        return Ok(Reported::Unchanged);
    }
    let name = object.name_any();
    let what = format!("{} {name}", K::kind(&()));
    let namespace = object.namespace().ok_or_else(|| Error::NoNamespace(what.clone()))?;
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let params =
        PostParams { field_manager: Some(names::STATUS_MANAGER.to_owned()), ..PostParams::default() };
    let written = api.replace_status(&name, &params, object).await;
    written.map_err(|source| Error::Status { what, source })?;
    Ok(Reported::Written)
}
