//! `status.lock`: what every service runs, recorded before anything is made.

use slipway_crds::names;
use slipway_crds::v1alpha1::LockedService;

use super::resolve::{FoundDigest, Resolved, ResolvedService};
use crate::desired::Addresses;
use crate::service_name::ServiceName;

/// The lock of what was resolved; nobody is ready before it was observed.
pub fn of(resolved: &Resolved, addresses: &Addresses) -> Vec<LockedService> {
    let local = resolved.local.then(|| LockedService {
        service: names::LOCAL.to_owned(),
        reference: None,
        commit: None,
        ops_commit: None,
        why: "stateful pod of the Fleet".to_owned(),
        image: None,
        address: addresses.get(&ServiceName::local()).cloned(),
        ready: false,
        start: None,
    });
    let services = resolved.services.iter().map(|service| of_service(service, addresses));
    local.into_iter().chain(services).chain(under_test(resolved, addresses)).collect()
}

/// The service under test is locked too, where the tests do not depend on it.
fn under_test(resolved: &Resolved, addresses: &Addresses) -> Option<LockedService> {
    let service = resolved.under_test.as_ref()?;
    let runs = resolved.services.iter().any(|other| other.name == service.name);
    (!runs).then(|| of_service(service, addresses))
}

fn of_service(service: &ResolvedService, addresses: &Addresses) -> LockedService {
    let image = match &service.image {
        FoundDigest::Image(image) => Some(image.clone()),
        FoundDigest::Missing | FoundDigest::Unknown(_) | FoundDigest::NotBuilt(_) => None,
    };
    LockedService {
        service: service.name.to_string(),
        reference: service.reference.clone(),
        commit: Some(service.commit.clone()),
        ops_commit: service.inputs.as_ref().map(|inputs| inputs.ops_commit.clone()),
        why: service.why.clone(),
        image,
        address: addresses.get(&service.name).cloned(),
        ready: false,
        start: None,
    }
}

/// The addresses that a lock has recorded.
pub fn addresses(lock: &[LockedService]) -> Addresses {
    let pair = |locked: &LockedService| {
        let name = ServiceName::parse(&locked.service).ok()?;
        locked.address.clone().map(|address| (name, address))
    };
    lock.iter().filter_map(pair).collect()
}
