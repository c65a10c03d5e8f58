//! What the library that Flux, Helm and kpt wait by makes of each kind in each state.

use std::io::Write as _;
use std::process::{Command, Stdio};

use slipway_cluster::{Cache, Progress};

use crate::states::{self, State};
use crate::{builds, environments, syncs};

/// Words of the library itself, one for each state.
fn computed(states: &[State]) -> Vec<String> {
    let program = Cache::open().unwrap().kstatus(Progress::Quiet).unwrap();
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let objects: Vec<_> = states.iter().map(|state| &state.object).collect();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&objects).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "kstatus ended with {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn all_are_as_expected(states: &[State]) {
    let computed = computed(states);
    assert_eq!(computed.len(), states.len());
    let wrong: Vec<_> = states
        .iter()
        .zip(computed)
        .filter(|(state, computed)| format!("{:?}", state.kstatus) != *computed)
        .map(|(state, computed)| {
            format!("{}: {computed}, not {:?}\n{:#}", state.name, state.kstatus, state.object["status"])
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_environment_is_current_when_it_is_as_it_was_asked_to_be() {
    all_are_as_expected(&environments::all());
}

#[test]
fn a_sync_is_current_when_its_revision_is_applied_or_it_is_suspended() {
    all_are_as_expected(&syncs::all());
}

#[test]
fn a_fleet_is_current_when_it_makes_sense() {
    all_are_as_expected(&states::fleets());
}

#[test]
fn a_service_is_current_when_its_repository_is_read() {
    all_are_as_expected(&states::service_repos());
}

#[test]
fn a_build_is_current_when_its_image_is_there_or_nobody_wants_it() {
    all_are_as_expected(&builds::all());
}
