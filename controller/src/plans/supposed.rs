//! What is taken for true while something is planned.

use std::collections::BTreeMap;

use slipway_crds::v1alpha1::FleetSpec;
use slipway_plan::service_name::ServiceName;

use crate::blocks::Blocks;
use crate::repositories::Repository;

/// What is taken for true in the place of what is there.
#[derive(Debug, Default)]
pub struct Supposed {
    /// The Fleet of the namespace.
    pub fleet: Option<FleetSpec>,
    /// Repositories of services.
    pub repositories: BTreeMap<ServiceName, Repository>,
    /// Blocks of addresses are given from a copy: a plan takes none away.
    pub blocks: Blocks,
}
