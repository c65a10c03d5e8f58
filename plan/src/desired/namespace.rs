//! The environment's namespace.

use k8s_openapi::api::core::v1::Namespace;

use super::{Identity, labels};
use crate::object::{Object, RenderError};

/// The namespace, with pod security *baseline*: the init of a fat container is root inside it.
pub fn build_namespace(identity: &Identity) -> Result<Object, RenderError> {
    let mut metadata = labels::metadata(identity, &identity.namespace, std::collections::BTreeMap::new());
    metadata.namespace = None;
    let security = ("pod-security.kubernetes.io/enforce".to_owned(), "baseline".to_owned());
    metadata.labels.get_or_insert_default().extend([security]);
    Object::from_typed(&Namespace { metadata, ..Namespace::default() })
}
