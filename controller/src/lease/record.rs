//! The Lease object.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use slipway_plan::lease::{Lease, RELEASED, TERM};

/// Annotation with the address at which the holder serves.
const ADDRESS: &str = "slipway.dev/address";

/// What the Lease says to the decision.
pub fn read(object: &Object) -> Lease {
    let spec = object.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Lease {
        holder: spec.holder_identity.unwrap_or_default(),
        term: seconds.map_or(TERM, Duration::from_secs),
        version: object.metadata.resource_version.clone().unwrap_or_default(),
    }
}

/// Where the holder serves.
pub fn address(object: &Object) -> Option<String> {
    let holder = object.spec.as_ref()?.holder_identity.as_ref()?;
    let address = object.metadata.annotations.as_ref()?.get(ADDRESS)?;
    (!holder.is_empty() && !address.is_empty()).then(|| address.clone())
}

/// The Lease as its holder writes it. `before` is what it replaces.
pub fn held(name: &str, before: Option<&Object>, holder: &str, address: &str) -> Object {
    let now = MicroTime(Timestamp::now());
    let known = before.and_then(|before| before.spec.clone()).unwrap_or_default();
    let is_renewal = known.holder_identity.as_deref() == Some(holder);
    let spec = LeaseSpec {
        holder_identity: Some(holder.to_owned()),
        lease_duration_seconds: i32::try_from(TERM.as_secs()).ok(),
        acquire_time: known.acquire_time.clone().filter(|_| is_renewal).or_else(|| Some(now.clone())),
        renew_time: Some(now),
        lease_transitions: Some(known.lease_transitions.unwrap_or(0) + i32::from(!is_renewal)),
        ..LeaseSpec::default()
    };
    object(name, before, spec, address)
}

/// The Lease as its holder gives it back.
pub fn released(name: &str, before: &Object) -> Object {
    let spec = LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: i32::try_from(RELEASED.as_secs()).ok(),
        ..before.spec.clone().unwrap_or_default()
    };
    object(name, Some(before), spec, "")
}

fn object(name: &str, before: Option<&Object>, spec: LeaseSpec, address: &str) -> Object {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        resource_version: before.and_then(|before| before.metadata.resource_version.clone()),
        annotations: Some(BTreeMap::from([(ADDRESS.to_owned(), address.to_owned())])),
        ..ObjectMeta::default()
    };
    Object { metadata, spec: Some(spec) }
}
