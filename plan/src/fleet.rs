//! Whether a Fleet makes sense.

use std::collections::BTreeSet;

use slipway_crds::conditions::{self, Say};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::FleetSpec;

use crate::service_name::ServiceName;

/// The conditions of a Fleet, of which there are so many in its namespace.
pub fn says(fleet: &FleetSpec, fleets: usize) -> Vec<Say> {
    let stalled = |reason, message: String| {
        vec![
            Say::no(conditions::READY, reason, message.clone()),
            Say::yes(conditions::STALLED, reason, message),
        ]
    };
    if fleets > 1 {
        let message = format!("there are {fleets} Fleets in this namespace: keep one");
        return stalled(reasons::FLEET_AMBIGUOUS, message);
    }
    match first_mistake(fleet) {
        Some(message) => stalled(reasons::INVALID_SPEC, message),
        None => vec![Say::yes(conditions::READY, reasons::APPLIED, "the Fleet makes sense")],
    }
}

fn first_mistake(fleet: &FleetSpec) -> Option<String> {
    let profiles = fleet.profiles.iter().map(|profile| profile.name.as_str());
    let machines = fleet.machines.iter().map(|machine| machine.name.as_str());
    let stores = fleet.stores.iter().map(|store| store.name.as_str());
    let twice = twice(profiles).map(|name| format!("profile {name} is there twice: rename one"));
    twice
        .or_else(|| self::twice(machines).map(|name| format!("machine {name} is there twice: rename one")))
        .or_else(|| self::twice(stores).map(|name| format!("store {name} is there twice: rename one")))
        .or_else(|| port_twice(fleet))
        .or_else(|| bad_service(fleet))
}

fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    let mut names = names;
    names.find(|name| !seen.insert(*name))
}

fn port_twice(fleet: &FleetSpec) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut ports = fleet.stores.iter().flat_map(|store| &store.ports);
    let port = ports.find(|port| !seen.insert(**port))?;
    Some(format!("two stores answer on port {port}: they share one pod, so give one of them another port"))
}

fn bad_service(fleet: &FleetSpec) -> Option<String> {
    let mut services =
        fleet.profiles.iter().flat_map(|profile| profile.services.iter().map(move |s| (profile, s)));
    services.find_map(|(profile, service)| {
        ServiceName::parse(service).err().map(|error| format!("profile {}: {error}", profile.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(yaml: &str) -> FleetSpec {
        crate::yaml::parse_typed("fleet.yaml", yaml.as_bytes()).unwrap()
    }

    fn message(yaml: &str) -> String {
        says(&fleet(yaml), 1)[0].message.clone()
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(message("registry: r\n"), "the Fleet makes sense");
        let profiles = "registry: r\nprofiles: [{name: a, services: []}, {name: a, services: []}]\n";
        assert_eq!(message(profiles), "profile a is there twice: rename one");
        let stores = "registry: r\nstores:\n- {name: a, image: a, ports: [1], data: /a}\n- {name: b, image: b, ports: [1], data: /b}\n";
        assert!(message(stores).contains("port 1"), "{}", message(stores));
    }

    #[test]
    fn a_second_fleet_is_one_too_many() {
        let told = says(&fleet("registry: r\n"), 2);
        assert_eq!((told[0].reason, told[1].type_), (reasons::FLEET_AMBIGUOUS, conditions::STALLED));
    }
}
