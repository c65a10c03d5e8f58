//! The addresses of an environment's services: fixed for its whole life.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use slipway_crds::names;
use slipway_crds::v1alpha1::LockedService;

use super::lock;
use super::resolve::Resolved;
use crate::addresses::{self, Block};
use crate::desired::Addresses;
use crate::object::Observed;
use crate::service_name::ServiceName;

/// The addresses that were recorded or are seen; from the block, one for each service that has none.
/// A recorded address outside the environment's block, of a Service that does not exist, is given up.
pub(super) fn addresses(
    resolved: &Resolved,
    locked: &[LockedService],
    observed: &[Observed],
    block: Option<Block>,
) -> Addresses {
    let mut fixed: Addresses = lock::addresses(locked);
    if let Some(block) = block {
        let inside: BTreeSet<String> = block.addresses().map(|address| address.to_string()).collect();
        fixed.retain(|_, address| inside.contains(address));
    }
    fixed.extend(seen(observed));
    let Some(block) = block else { return fixed };
    let mut taken: BTreeSet<Ipv4Addr> = fixed.values().filter_map(|address| address.parse().ok()).collect();
    for service in with_address(resolved) {
        if let (false, Some(address)) = (fixed.contains_key(&service), addresses::next_address(block, &taken))
        {
            taken.insert(address);
            fixed.insert(service, address.to_string());
        }
    }
    fixed
}

fn seen(observed: &[Observed]) -> BTreeMap<ServiceName, String> {
    let services = observed.iter().filter(|object| object.key.kind == "Service" && !object.is_terminating());
    let address = |object: &Observed| {
        let name = ServiceName::parse(object.label(names::SERVICE)?).ok()?;
        Some((name, object.body["spec"]["clusterIP"].as_str()?.to_owned()))
    };
    services.filter_map(address).collect()
}

fn with_address(resolved: &Resolved) -> Vec<ServiceName> {
    let services = resolved.services.iter().filter(|service| !service.manifest.run.ports.is_empty());
    let local = resolved.local.then(ServiceName::local);
    local.into_iter().chain(services.map(|service| service.name.clone())).collect()
}
