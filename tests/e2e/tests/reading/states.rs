//! Objects in their states, and what becomes of a `Fleet` and a `ServiceRepo`.

use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;
use serde_json::{Value, json};
use slipway_crds::v1alpha1::{Fleet, FleetStatus, ServiceRepo};
use slipway_crds::{UNOBSERVED, conditions, reasons};
use slipway_plan::gitsync::source::Failure;
use slipway_plan::ops::say::Held;
use slipway_plan::{fleet, service_repo};

use crate::support::at;

/// What kstatus should make of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kstatus {
    Current,
    InProgress,
    Failed,
    Terminating,
}

/// An object in a state that has a name.
#[derive(Clone, Debug)]
pub struct State {
    pub name: &'static str,
    pub object: Value,
    pub kstatus: Kstatus,
}

impl State {
    pub fn of(name: &'static str, object: &impl Serialize, kstatus: Kstatus) -> Self {
        let mut object = serde_json::to_value(object).unwrap();
        object["metadata"]["name"] = name.into();
        Self { name, object, kstatus }
    }

    /// Nobody has looked at it: what the API server makes of it by itself.
    pub fn new(name: &'static str, object: &impl Serialize) -> Self {
        let mut state = Self::of(name, object, Kstatus::InProgress);
        state.object["status"] = json!({"observedGeneration": UNOBSERVED});
        state
    }
}

fn fleet_of(spec: &Value) -> Fleet {
    let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "fleet", "namespace": "reading", "generation": 1}, "spec": spec});
    serde_json::from_value(object).unwrap()
}

fn looked_at(mut found: Fleet, fleets: usize, held: Option<&Held>) -> Fleet {
    let says = fleet::says(&found.spec, fleets, None, held);
    let conditions = conditions::set(&[], says, 1, at(0));
    found.status = Some(FleetStatus { observed_generation: Some(1), conditions, ..FleetStatus::default() });
    found
}

fn held(failed: bool) -> Held {
    Held { failed, message: "ops commit 91ab is not the default".to_owned() }
}

pub fn fleets() -> Vec<State> {
    let good = fleet_of(&json!({"registry": "registry.example.com/fleet"}));
    let bad = fleet_of(
        &json!({"registry": "r", "profiles": [{"name": "a", "services": []}, {"name": "a", "services": []}]}),
    );
    vec![
        State::new("new", &good),
        State::of("ready", &looked_at(good.clone(), 1, None), Kstatus::Current),
        State::of("mistaken", &looked_at(bad, 1, None), Kstatus::Failed),
        State::of("one-too-many", &looked_at(good.clone(), 2, None), Kstatus::Failed),
        State::of("tries-ops", &looked_at(good.clone(), 1, Some(&held(false))), Kstatus::InProgress),
        State::of("holds-ops-back", &looked_at(good, 1, Some(&held(true))), Kstatus::Failed),
    ]
}

pub fn service_repos() -> Vec<State> {
    let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceRepo",
        "metadata": {"name": "www", "namespace": "reading", "generation": 1}, "spec": {"url": "https://git.example.com/www.git"}});
    let repo: ServiceRepo = serde_json::from_value(object).unwrap();
    let read = |trunk| {
        let status = Some(service_repo::status(&repo, trunk, at(0)));
        ServiceRepo { status, ..repo.clone() }
    };
    let away = Failure {
        reason: reasons::FETCH_FAILED,
        message: "the server is away".to_owned(),
        needs_a_person: false,
    };
    let refused = Failure {
        reason: reasons::AUTHENTICATION_FAILED,
        message: "who are you?".to_owned(),
        needs_a_person: true,
    };
    let mut edited = read(Ok(Some("3f2c1ab0".repeat(5))));
    edited.metadata.generation = Some(2);
    vec![
        State::new("new", &repo),
        State::of("read", &read(Ok(Some("3f2c1ab0".repeat(5)))), Kstatus::Current),
        State::of("edited", &edited, Kstatus::InProgress),
        State::of("away", &read(Err(away)), Kstatus::InProgress),
        State::of("no-trunk", &read(Ok(None)), Kstatus::Failed),
        State::of("refused", &read(Err(refused)), Kstatus::Failed),
    ]
}

/// An object that is being deleted.
pub fn deleted<K: kube::ResourceExt>(mut object: K) -> K {
    object.meta_mut().deletion_timestamp =
        serde_json::from_value::<Secret>(json!({"metadata": {"deletionTimestamp": "2026-11-22T10:00:00Z"}}))
            .unwrap()
            .metadata
            .deletion_timestamp;
    object
}
