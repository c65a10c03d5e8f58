//! Whether a Fleet makes sense.

use std::collections::BTreeSet;

use slipway_crds::conditions::{self, Say};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::FleetSpec;

use crate::gitsync::source::Failure;
use crate::ops::say::Held;
use crate::service_name::ServiceName;

/// The conditions of a Fleet, of which there are so many in its namespace, whose ops repository could be read or not, and
/// whose newest ops commit may be held back.
pub fn says(fleet: &FleetSpec, fleets: usize, ops: Option<&Failure>, held: Option<&Held>) -> Vec<Say> {
    let not_ready = |then, reason, message: String| {
        vec![Say::no(conditions::READY, reason, message.clone()), Say::yes(then, reason, message)]
    };
    let stalled = |reason, message: String| not_ready(conditions::STALLED, reason, message);
    if fleets > 1 {
        let message = format!("there are {fleets} Fleets in this namespace: keep one");
        return stalled(reasons::FLEET_AMBIGUOUS, message);
    }
    match (first_mistake(fleet), ops, held) {
        (Some(message), ..) => stalled(reasons::INVALID_SPEC, message),
        (None, Some(Failure { reason, message, needs_a_person }), _) => {
            let then = if *needs_a_person { conditions::STALLED } else { conditions::RECONCILING };
            not_ready(then, reason, format!("the ops repository: {message}"))
        }
        (None, None, Some(Held { failed: true, message })) => {
            stalled(reasons::OPS_TRIAL_FAILED, message.clone())
        }
        // What is there works meanwhile.
        (None, None, Some(Held { failed: false, message })) => vec![
            Say::yes(conditions::READY, reasons::APPLIED, message),
            Say::yes(conditions::RECONCILING, reasons::OPS_TRIAL, message),
        ],
        (None, None, None) => vec![Say::yes(conditions::READY, reasons::APPLIED, "the Fleet makes sense")],
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
        .or_else(|| half_a_build(fleet))
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

/// Base and ops repository make images together.
fn half_a_build(fleet: &FleetSpec) -> Option<String> {
    let missing = match (&fleet.base, &fleet.ops) {
        (Some(_), None) => "`base` is there, but no `ops`",
        (None, Some(_)) => "`ops` is there, but no `base`",
        _ => return None,
    };
    Some(format!("{missing}: images are built of both, add the other or remove the one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(yaml: &str) -> FleetSpec {
        crate::yaml::parse_typed("fleet.yaml", yaml.as_bytes()).unwrap()
    }

    fn message(yaml: &str) -> String {
        says(&fleet(yaml), 1, None, None)[0].message.clone()
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(message("registry: r\n"), "the Fleet makes sense");
        let profiles = "registry: r\nprofiles: [{name: a, services: []}, {name: a, services: []}]\n";
        assert_eq!(message(profiles), "profile a is there twice: rename one");
        let stores = "registry: r\nstores:\n- {name: a, image: a, ports: [1], data: /a}\n- {name: b, image: b, ports: [1], data: /b}\n";
        assert!(message(stores).contains("port 1"), "{}", message(stores));
        let half = message("registry: r\nbase: \"{registry}/base:1\"\n");
        assert_eq!(
            half,
            "`base` is there, but no `ops`: images are built of both, add the other or remove the one"
        );
    }

    #[test]
    fn an_ops_repository_that_cannot_be_read_is_told() {
        let failure =
            Failure { reason: reasons::FETCH_FAILED, message: "no answer".to_owned(), needs_a_person: false };
        let told = says(&fleet("registry: r\n"), 1, Some(&failure), None);
        assert_eq!((told[0].reason, told[1].type_), (reasons::FETCH_FAILED, conditions::RECONCILING));
        assert_eq!(told[0].message, "the ops repository: no answer");
    }

    #[test]
    fn an_ops_commit_that_is_held_back_is_told() {
        let told = |failed| {
            let held = Held { failed, message: "so it is".to_owned() };
            let told = says(&fleet("registry: r\n"), 1, None, Some(&held));
            let words = |say: &Say| (say.type_, say.status, say.reason, say.message.clone());
            (words(&told[0]), words(&told[1]))
        };
        let message = "so it is".to_owned();
        let failed = reasons::OPS_TRIAL_FAILED;
        let ready = (conditions::READY, Some(false), failed, message.clone());
        assert_eq!(told(true), (ready, (conditions::STALLED, Some(true), failed, message.clone())));
        let ready = (conditions::READY, Some(true), reasons::APPLIED, message.clone());
        let tried = (conditions::RECONCILING, Some(true), reasons::OPS_TRIAL, message);
        assert_eq!(told(false), (ready, tried));
    }

    #[test]
    fn a_second_fleet_is_one_too_many() {
        let told = says(&fleet("registry: r\n"), 2, None, None);
        assert_eq!((told[0].reason, told[1].type_), (reasons::FLEET_AMBIGUOUS, conditions::STALLED));
    }
}
