//! A kind with its API version.

use std::fmt;

use slipway_crds::v1alpha1::{AllowedKind, InventoryEntry};

use crate::object::ObjectKey;

/// A kind with its API version, as files write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindName {
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `Deployment`.
    pub kind: String,
}

impl fmt::Display for KindName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.kind, self.api_version)
    }
}

impl From<&AllowedKind> for KindName {
    fn from(AllowedKind { api_version, kind }: &AllowedKind) -> Self {
        Self { api_version: api_version.clone(), kind: kind.clone() }
    }
}

impl From<&ObjectKey> for KindName {
    fn from(ObjectKey { api_version, kind, .. }: &ObjectKey) -> Self {
        Self { api_version: api_version.clone(), kind: kind.clone() }
    }
}

impl From<&InventoryEntry> for KindName {
    fn from(InventoryEntry { api_version, kind, .. }: &InventoryEntry) -> Self {
        Self { api_version: api_version.clone(), kind: kind.clone() }
    }
}
