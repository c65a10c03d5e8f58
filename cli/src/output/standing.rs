//! An environment for people: how it stands, what it runs and why, what it waits for, and until when.

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{BlockedBy, DevEnvironment, LockedService, StoreStatus};

use super::checklist::{reason, short};
use super::colours::Colours;
use super::{elapsed, run, table};
use crate::environment::{self, State};

/// The whole standing of an environment.
pub fn standing(environment: &DevEnvironment, program: &str, now: Timestamp, colours: Colours) -> String {
    let status = environment::status(environment);
    let mut parts = vec![head(environment, now, colours)];
    if !status.lock.is_empty() {
        parts.push(services(&status.lock));
    }
    if !status.stores.is_empty() {
        parts.push(stores(&status.stores));
    }
    if !status.blocked_by.is_empty() {
        parts.push(waits(&status.blocked_by, now, colours));
    }
    if let Some(integration) = &status.integration {
        parts.push(run::summary(integration, colours));
    }
    parts.extend(end(environment, program, now));
    parts.join("\n")
}

/// How it stands, in the colour of that.
pub fn state(state: State, colours: Colours) -> String {
    match state {
        State::Ready => colours.good(state.word()),
        State::Stalled => colours.bad(state.word()),
        State::Starting | State::Stopping | State::Deleting | State::New => colours.waiting(state.word()),
        State::Ended(_) => colours.faint(state.word()),
    }
}

fn head(environment: &DevEnvironment, now: Timestamp, colours: Colours) -> String {
    let name = colours.bold(&environment.name_any());
    let age = environment.metadata.creation_timestamp.as_ref();
    let age = age.map(|time| format!(", made {} ago", elapsed::since(time.0, now))).unwrap_or_default();
    let inside =
        environment::namespace(environment).map(|inside| format!(", namespace {inside}")).unwrap_or_default();
    let state = state(environment::state(environment), colours);
    format!("{name}  {state}{inside}{age}\n{}\n", environment::message(environment))
}

fn services(lock: &[LockedService]) -> String {
    let row = |locked: &LockedService| {
        [
            locked.service.clone(),
            locked.commit.as_deref().map(short).unwrap_or_default(),
            reason(&locked.why),
            locked.image.as_deref().map(digest).unwrap_or_default(),
            if locked.ready { "yes" } else { "no" }.to_owned(),
            locked.address.clone().unwrap_or_default(),
        ]
    };
    let heading = ["SERVICE", "COMMIT", "WHY", "IMAGE", "READY", "ADDRESS"];
    table::table(heading, lock.iter().map(row).collect())
}

/// The part of a pinned image that tells it from another.
fn digest(image: &str) -> String {
    image
        .rsplit_once("@sha256:")
        .map_or_else(|| image.to_owned(), |(_, digest)| digest.chars().take(12).collect())
}

fn stores(stores: &[StoreStatus]) -> String {
    let row = |store: &StoreStatus| [store.name.clone(), if store.ready { "yes" } else { "no" }.to_owned()];
    table::table(["STORE", "READY"], stores.iter().map(row).collect())
}

fn waits(blocked_by: &[BlockedBy], now: Timestamp, colours: Colours) -> String {
    let lines = blocked_by.iter().map(|wait| self::wait(wait, now));
    format!("{}\n{}", colours.waiting("waits for"), lines.collect::<String>())
}

/// What is waited for, since when, until when, and who may override it.
pub fn wait(wait: &BlockedBy, now: Timestamp) -> String {
    let until = wait.until.map(|until| format!(", until {}", elapsed::moment(until))).unwrap_or_default();
    let whose = wait.override_by.as_ref().map(|who| format!(", {who} may override it")).unwrap_or_default();
    let since = elapsed::since(wait.since, now);
    format!("  {}: {} ({}, for {since}{until}{whose})\n", wait.what, wait.message, wait.reason)
}

fn end(environment: &DevEnvironment, program: &str, now: Timestamp) -> Option<String> {
    let status = environment::status(environment);
    let name = environment.name_any();
    match (&status.ended, status.expires_at) {
        (Some(ended), _) => Some(format!("ended {} ago\n", elapsed::since(ended.at, now))),
        (None, Some(at)) => Some(format!(
            "ends {} (in {}); longer: {program} keep {name} --for 8h\n",
            elapsed::moment(at),
            elapsed::until(at, now)
        )),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(metadata: &Value, status: &Value) -> String {
        let environment: DevEnvironment =
            serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
            "kind": "DevEnvironment", "metadata": metadata, "spec": {"services": ["www"]}, "status": status}))
            .unwrap();
        standing(&environment, "slipway", "2026-11-22T10:02:00Z".parse().unwrap(), Colours::default())
    }

    fn ready(status: &str, message: &str) -> Value {
        json!({"type": "Ready", "status": status, "reason": "Reason", "message": message,
            "lastTransitionTime": "2026-11-22T10:00:00Z"})
    }

    #[test]
    fn it_says_what_runs_why_and_what_is_missing() {
        let metadata = json!({"name": "demo", "creationTimestamp": "2026-11-22T10:00:00Z"});
        let text = told(
            &metadata,
            &json!({
            "conditions": [ready("False", "service www: image missing")],
            "namespace": {"name": "env-demo-3fa9c1"}, "services": "1/2", "expiresAt": "2026-11-22T18:00:00Z",
            "lock": [
                {"service": "local", "why": "stateful pod of the Fleet", "ready": true, "address": "10.96.128.1"},
                {"service": "www", "commit": "3f2c1ab03f2c", "why": "branch fix", "ready": false,
                    "image": "r/www@sha256:0123456789abcdef"}],
            "stores": [{"name": "redis", "ready": true}],
            "blockedBy": [{"what": "service www", "reason": "PodNotReady", "message": "it crashed",
                "since": "2026-11-22T10:01:00Z", "overrideBy": "emma"}]}),
        );
        let expected = "\
demo  Starting, namespace env-demo-3fa9c1, made 2m ago
service www: image missing

SERVICE  COMMIT    WHY                        IMAGE         READY  ADDRESS
local    -         stateful pod of the Fleet  -             yes    10.96.128.1
www      3f2c1ab0  branch fix                 0123456789ab  no     -

STORE  READY
redis  yes

waits for
  service www: it crashed (PodNotReady, for 1m, emma may override it)

ends 2026-11-22T18:00:00Z (in 7h 58m); longer: slipway keep demo --for 8h
";
        assert_eq!(text, expected);
    }

    #[test]
    fn one_that_ended_says_since_when() {
        let text = told(
            &json!({"name": "demo"}),
            &json!({
            "conditions": [ready("False", "it was stopped; `slipway start` starts it again")],
            "ended": {"reason": "Stopped", "at": "2026-11-22T10:00:00Z", "generation": 1}}),
        );
        assert_eq!(text, "demo  Stopped\nit was stopped; `slipway start` starts it again\n\nended 2m ago\n");
    }

    #[test]
    fn one_that_nobody_has_looked_at_says_so() {
        let bare: DevEnvironment = serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
            "kind": "DevEnvironment", "metadata": {"name": "demo"}, "spec": {"services": ["www"]}}))
        .unwrap();
        let text = standing(&bare, "slipway", Timestamp::UNIX_EPOCH, Colours::default());
        assert_eq!(text, "demo  New\nthe operator has not looked at it yet\n");
    }
}
